// What was said, as data: a state, and one pure function that takes the next event. It knows neither page nor network.
//
// state: { turns: [turn], problem: null | { text, retry } }
// turn:  { role: "question", text }
//      | { role: "answer", text, sources: [source], outcome, note }
// The outcome is "streaming" until the end, then answered, refused, incomplete, failed or stopped.

export const EMPTY = Object.freeze({ turns: [], problem: null });

const HANDLERS = {
  history: (state, { messages }) => ({ ...state, turns: [...messages.map(fromHistory), ...state.turns] }),
  asked: (state, { text }) => ({
    turns: [...withoutRepeated(state.turns, text), { role: "question", text }, { role: "answer", text: "", sources: [], outcome: "streaming", note: "" }],
    problem: null,
  }),
  token: (state, { text }) => changed(state, (answer) => ({ text: answer.text + text })),
  citation: (state, source) => changed(state, (answer) => cited(answer, source)),
  replace: (state, { text }) => changed(state, (answer) => ({ text, sources: marksIn(text).size ? answer.sources : [] })),
  done: (state, { outcome, text }) => changed(state, () => ({ outcome, note: text || "" })),
  stopped: (state, { note }) => changed(state, () => ({ outcome: "stopped", note })),
  lost: (state, { text }) => ({ turns: withoutEmptyAnswer(state.turns), problem: { text, retry: true } }),
  // the server did not take the question: it goes back into the box and was never said
  refused: (state, { text, retry }) => ({ turns: state.turns.slice(0, -2), problem: { text, retry: Boolean(retry) } }),
};

export function next(state, event) {
  const handler = HANDLERS[event.type];
  return handler ? handler(state, event) : state;
}

export function isBusy(state) {
  return state.turns.at(-1)?.outcome === "streaming";
}

export function lastQuestion(state) {
  return state.turns.findLast((turn) => turn.role === "question")?.text ?? "";
}

export function marksIn(text) {
  return new Set([...text.matchAll(/\[(\d{1,2})\]/g)].map((match) => Number(match[1])));
}

function fromHistory({ role, text, outcome, citations, note }) {
  if (role === "question") return { role, text };
  return { role: "answer", text, sources: citations, outcome, note: note || "" };
}

function changed(state, change) {
  const answer = state.turns.at(-1);
  if (answer?.outcome !== "streaming") return state;
  return { ...state, turns: [...state.turns.slice(0, -1), { ...answer, ...change(answer) }] };
}

function cited(answer, { number, title, heading, page, passage, quote }) {
  const mark = `[${number}]`;
  const known = answer.sources.some((source) => source.number === number);
  return {
    text: answer.text.endsWith(mark) ? answer.text : answer.text + mark,
    sources: known ? answer.sources : [...answer.sources, { number, title, heading, page, passage, quote }],
  };
}

function withoutEmptyAnswer(turns) {
  const answer = turns.at(-1);
  if (answer?.outcome !== "streaming") return turns;
  return answer.text ? [...turns.slice(0, -1), { ...answer, outcome: "incomplete" }] : turns.slice(0, -1);
}

// asked again after the connection was lost, a question stands in the log once
function withoutRepeated(turns, text) {
  const last = turns.at(-1);
  return last?.role === "question" && last.text === text ? turns.slice(0, -1) : turns;
}

// What was said, as data: a state, and one pure function that takes the next event. It knows neither page nor network.
//
// state: { turns: [turn], problem: null | { text, retry }, link: "" | "offline" | "reconnecting" }
// turn:  { role: "question", text, id }
//      | { role: "answer", text, sources: [source], outcome, mayRetry, note, reference, feedback, isStale }
// The outcome is "streaming" until the end, then answered, refused, person, incomplete, failed or stopped. What is stale was
// streamed before the connection was lost: it stays to be read until the first words of the next try.

export const EMPTY = Object.freeze({ turns: [], problem: null, link: "" });

const HANDLERS = {
  history: (state, { messages }) => ({ ...state, turns: [...messages.map(fromHistory), ...state.turns] }),
  asked: (state, { text, id }) => ({
    turns: [...withoutAsked(state.turns, id), { role: "question", text, id }, { ...BLANK, ...streamed(state.turns, id) }],
    problem: null,
    link: "",
  }),
  conversation: (state) => ({ ...changed(state, (answer) => ({ isStale: Boolean(answer.text) })), link: "" }),
  link: (state, { state: link }) => ({ ...state, link }),
  token: (state, { text }) => changed(state, (answer) => ({ text: answer.text + text }), true),
  citation: (state, source) => changed(state, (answer) => cited(answer, source), true),
  replace: (state, { text }) => changed(state, (answer) => ({ text, sources: marksIn(text).size ? answer.sources : [] }), true),
  done: (state, { outcome, text, reference, may_retry: mayRetry }) => ({
    ...changed(state, () => ({ outcome, mayRetry, note: text || "", reference }), true),
    link: "",
  }),
  stopped: (state, { note }) => ({ ...changed(state, () => ({ outcome: "stopped", mayRetry: true, note })), link: "" }),
  lost: (state, { text }) => ({ turns: withoutEmptyAnswer(state.turns), problem: { text, retry: true }, link: "" }),
  // the server did not take the question: it goes back into the box and was never said
  refused: (state, { text, retry }) => ({ turns: state.turns.slice(0, -2), problem: { text, retry: Boolean(retry) }, link: "" }),
  feedback: (state, { reference, feedback }) => ({
    ...state,
    turns: state.turns.map((turn) => (turn.reference === reference ? { ...turn, feedback } : turn)),
  }),
  forgotten: () => EMPTY,
};

const BLANK = Object.freeze({ role: "answer", text: "", sources: [], outcome: "streaming", mayRetry: false, note: "", reference: null, feedback: null, isStale: false });

export function next(state, event) {
  const handler = Object.hasOwn(HANDLERS, event.type) && HANDLERS[event.type];
  return handler ? handler(state, event) : state;
}

export function isBusy(state) {
  return state.turns.at(-1)?.outcome === "streaming";
}

export function lastQuestion(state) {
  return state.turns.findLast((turn) => turn.role === "question");
}

export function marksIn(text) {
  return new Set([...text.matchAll(/\[(\d{1,2})\]/g)].map((match) => Number(match[1])));
}

function fromHistory({ role, text, id, outcome, citations, note, may_retry: mayRetry, reference, feedback }) {
  if (role === "question") return { role, text, id };
  return { ...BLANK, text, sources: citations, outcome, mayRetry, note: note || "", reference, feedback };
}

function changed(state, change, isNews = false) {
  const last = state.turns.at(-1);
  if (last?.outcome !== "streaming") return state;
  const answer = isNews && last.isStale ? { ...last, text: "", sources: [], isStale: false } : last;
  return { ...state, turns: [...state.turns.slice(0, -1), { ...answer, ...change(answer) }] };
}

function cited(answer, { number, title, heading, page, passage, quote, url }) {
  const mark = `[${number}]`;
  const known = answer.sources.some((source) => source.number === number);
  return {
    text: answer.text.endsWith(mark) ? answer.text : answer.text + mark,
    sources: known ? answer.sources : [...answer.sources, { number, title, heading, page, passage, quote, url }],
  };
}

function withoutEmptyAnswer(turns) {
  const answer = turns.at(-1);
  if (answer?.outcome !== "streaming") return turns;
  return answer.text ? [...turns.slice(0, -1), { ...answer, outcome: "incomplete", mayRetry: true }] : turns.slice(0, -1);
}

// what an earlier try of the same question left to read
function streamed(turns, id) {
  const answer = turns[turns.findIndex((turn) => turn.role === "question" && turn.id === id) + 1];
  return answer?.role === "answer" && turns.some((turn) => turn.id === id)
    ? { text: answer.text, sources: answer.sources, isStale: Boolean(answer.text) }
    : {};
}

// asked again, a question stands in the log once, and so does its answer
function withoutAsked(turns, id) {
  const at = turns.findIndex((turn) => turn.role === "question" && turn.id === id);
  return at < 0 ? turns : turns.slice(0, at);
}

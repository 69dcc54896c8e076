// What a screen reader is told: that an answer is being looked for, how the connection is, and the answer once it is
// complete. The log itself is silent, because a text that grows in place would be read again from its start.

import { isBusy } from "./conversation.js";

export function createVoice(box, words) {
  let spoken = null; // the turn told last
  let link = "";
  let problem = null;

  function speak(state) {
    const turn = state.turns.at(-1);
    const isNew = turn?.role === "answer" && state.turns.length - 1 !== spoken?.index;
    if (isBusy(state) && isNew) {
      box.replaceChildren();
      spoken = { index: state.turns.length - 1, isOver: false };
      say(words.waiting);
    }
    if (state.link !== link) say(words[state.link]);
    if (state.problem && state.problem !== problem) say(state.problem.text);
    [link, problem] = [state.link, state.problem];
    if (spoken && !spoken.isOver && !isBusy(state)) {
      spoken = null;
      if (turn?.role === "answer") say([turn.text.replace(/\[\d{1,2}\]|\*\*/g, ""), turn.note].filter(Boolean).join(" "));
    }
  }

  function say(text) {
    if (!text) return;
    const line = document.createElement("p");
    line.textContent = text;
    box.append(line);
  }

  return { speak, say };
}

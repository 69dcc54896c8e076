// What a screen reader is told: each sentence once, as it becomes whole. The log itself is silent, because a text that
// grows in place would be read again from its start.

import { isBusy } from "./conversation.js";

export function createVoice(box, words) {
  let turnSpoken = -1;
  let from = 0;
  let said = "";

  function speak(state) {
    const index = state.turns.length - 1;
    const turn = state.turns[index];
    const isOver = !isBusy(state);
    if (isOver && turnSpoken >= 0 && state.problem) {
      turnSpoken = -1;
      say(state.problem.text);
    }
    if (turn?.role !== "answer" || (isOver && turnSpoken !== index)) return;
    if (turnSpoken !== index) {
      box.replaceChildren();
      [turnSpoken, from, said] = [index, 0, ""];
      say(words.waiting);
    }
    if (!turn.text.startsWith(said)) from = 0;
    const found = unspoken(turn.text, from, isOver);
    from = found.from;
    said = turn.text.slice(0, from);
    say(found.words);
    if (isOver) {
      turnSpoken = -1;
      say(turn.note);
    }
  }

  function say(text) {
    if (!text) return;
    const line = document.createElement("p");
    line.textContent = text;
    box.append(line);
  }

  return { speak };
}

// The words after `from`, up to the last whole sentence ("art. 25" does not end one) or, at the end, all of them.
export function unspoken(text, from, isComplete) {
  const rest = text.slice(from);
  const end = [...rest.matchAll(/[.!?](?:\[\d{1,2}\])*\s+(?=[\p{Lu}«“"])|\n+/gu)].at(-1);
  const upTo = isComplete ? rest.length : end ? end.index + end[0].length : 0;
  const words = rest.slice(0, upTo).replace(/\[\d{1,2}\]|\*\*/g, "");
  return { words: words.trim(), from: from + upTo };
}

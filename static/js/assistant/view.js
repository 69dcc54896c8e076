// Draws the state of the conversation into the panel. Text goes in as text nodes only; what has not changed stays as it
// is, so that a selection, an open passage or the place of a reader is not lost while words arrive.

import { marksIn } from "./conversation.js";
import { around, blocks, pieces } from "./text.js";
import { createVoice } from "./voice.js";

const RETRIABLE = ["incomplete", "failed"];

export function part(root, name) {
  return root.querySelector(`[data-part="${name}"]`);
}

export function createView(panel, words, { onRetry }) {
  const log = part(panel, "log");
  const voice = createVoice(part(panel, "voice"), words);
  const drawn = []; // per turn: its node and what it shows
  let problem = null;

  const clone = (name) => part(panel, name).content.firstElementChild.cloneNode(true);

  function show(state) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    const hasNewTurn = state.turns.length > drawn.length;
    while (drawn.length > state.turns.length) drawn.pop().node.remove();
    state.turns.forEach((turn, index) => {
      const old = drawn[index];
      const isLast = index === state.turns.length - 1;
      if (old?.turn === turn && old.isLast === isLast) return;
      if (old && old.turn.role !== turn.role) old.node.remove();
      const node = old?.turn.role === turn.role ? old.node : place(clone(turn.role === "question" ? "asked" : "answer"), index);
      if (turn.role === "question") part(node, "text").textContent = turn.text;
      else drawAnswer(node, turn, index, isLast);
      drawn[index] = { node, turn, isLast };
    });
    drawProblem(state.problem);
    voice.speak(state);
    if (isAtEnd || hasNewTurn || problem) log.scrollTop = log.scrollHeight;
  }

  function place(node, index) {
    const before = drawn[index - 1]?.node ?? log.firstElementChild;
    before.after(node);
    return node;
  }

  function drawAnswer(node, turn, index, isLast) {
    const isStreaming = turn.outcome === "streaming";
    node.setAttribute("aria-busy", String(isStreaming));
    drawText(part(node, "text"), turn, index);
    part(node, "text").hidden = !isStreaming && !turn.text;
    drawSources(part(node, "sources"), turn.sources, index);
    part(node, "acts").hidden = isStreaming || !turn.sources.length || !navigator.clipboard;
    part(node, "copy").onclick = (event) => copy(event.currentTarget, turn);
    const note = part(node, "note");
    note.hidden = !turn.note;
    note.classList.toggle("alert--warn", RETRIABLE.includes(turn.outcome));
    part(node, "note-text").textContent = turn.note;
    part(node, "person").hidden = turn.outcome !== "refused";
    part(node, "retry").hidden = !(isLast && RETRIABLE.includes(turn.outcome));
    part(node, "retry").onclick = onRetry;
  }

  function drawText(box, turn, index) {
    const numbers = new Set(turn.sources.map((source) => source.number));
    const wanted = turn.text ? blocks(turn.text) : [{ kind: "p", items: [""] }];
    wanted.forEach((block, place) => {
      const key = JSON.stringify([block, block.items.flatMap((item) => [...marksIn(item)].filter((n) => numbers.has(n)))]);
      const old = box.children[place];
      if (old?.drawnFrom === key) return;
      const element = drawBlock(block, numbers, index);
      element.drawnFrom = key;
      if (old) old.replaceWith(element);
      else box.append(element);
    });
    while (box.children.length > wanted.length) box.lastElementChild.remove();
  }

  function drawBlock({ kind, items }, numbers, index) {
    const element = document.createElement(kind);
    for (const item of items) {
      const target = kind === "p" ? element : element.appendChild(document.createElement("li"));
      target.append(...pieces(item, numbers).map((piece) => drawPiece(piece, index)));
    }
    return element;
  }

  function drawPiece(piece, index) {
    if (piece.mark) return markLink(piece.mark, index);
    if (piece.text) return document.createTextNode(piece.text);
    const strong = document.createElement("strong");
    strong.append(...piece.bold.map((inner) => drawPiece(inner, index)));
    return strong;
  }

  function markLink(number, index, link = document.createElement("a")) {
    link.className = "cite";
    link.href = `#assistant-${index}-${number}`;
    link.textContent = number;
    link.setAttribute("aria-label", words.source.replace("{number}", number));
    return link;
  }

  function drawSources(list, sources, index) {
    list.hidden = !sources.length;
    while (list.children.length > sources.length) list.lastElementChild.remove();
    for (const source of sources.slice(list.children.length)) list.append(drawSource(source, index));
  }

  function drawSource(source, index) {
    const item = clone("source");
    item.id = `assistant-${index}-${source.number}`;
    markLink(source.number, index, part(item, "number"));
    part(item, "title").textContent = source.title;
    const where = [source.heading, source.page && words.page.replace("{number}", source.page)].filter(Boolean).join(", ");
    part(item, "where").textContent = where;
    part(item, "where").hidden = !where;
    const { before, quote, after } = around(source.passage, source.quote);
    const mark = document.createElement("mark");
    mark.textContent = quote;
    part(item, "passage").append(before, ...(quote ? [mark] : []), after);
    return item;
  }

  function drawProblem(wanted) {
    problem?.remove();
    problem = null;
    if (!wanted) return;
    problem = clone("problem");
    part(problem, "problem-text").textContent = wanted.text;
    part(problem, "retry").hidden = !wanted.retry;
    part(problem, "retry").onclick = onRetry;
    log.append(problem);
  }

  async function copy(button, turn) {
    const sources = turn.sources.map((source) => `[${source.number}] ${[source.title, source.heading].filter(Boolean).join(", ")}`);
    await navigator.clipboard.writeText([turn.text.replaceAll("**", ""), ...sources].join("\n\n")).catch(() => null);
    const label = button.textContent;
    button.textContent = words.copied;
    setTimeout(() => (button.textContent = label), 2000);
  }

  // A mark in the text leads to its source and opens the passage.
  function follow(event) {
    const link = event.target.closest("a.cite");
    if (!link) return;
    event.preventDefault();
    const item = log.querySelector(link.hash);
    for (const other of log.querySelectorAll(".cite[aria-current]")) other.removeAttribute("aria-current");
    for (const same of log.querySelectorAll(`.cite[href="${link.hash}"]`)) same.setAttribute("aria-current", "true");
    part(item, "details").open = true;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  log.addEventListener("click", follow);
  return { show };
}

// Draws the state of the conversation into the log. Text goes in as text nodes only; what has not changed stays as it
// is, so that a selection, an open passage or the place of a reader is not lost while words arrive.

import { marksIn } from "./conversation.js";
import { filled, h } from "./dom.js";
import { around, blocks, pieces, plain } from "./text.js";
import { createVote } from "./vote.js";

const OVER = ["answered", "refused"];

export function createView(panel, settings, { onRetry, onPerson, onVote }) {
  const { log } = panel;
  const { words } = settings;
  const drawn = []; // per turn: its node and what it shows
  let problem = null;

  function show(state) {
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 48;
    const hasNewTurn = state.turns.length > drawn.length;
    while (drawn.length > state.turns.length) drawn.pop().node.remove();
    state.turns.forEach((turn, index) => {
      const old = drawn[index];
      const isLast = index === state.turns.length - 1;
      if (old?.turn === turn && old.isLast === isLast) return;
      if (old && old.turn.role !== turn.role) old.node.remove();
      const isSame = old?.turn.role === turn.role;
      const node = isSame ? old.node : place(turn.role === "question" ? asked() : answer(index), index);
      if (turn.role === "question") node.parts.text.textContent = turn.text;
      else drawAnswer(node, turn, index, isLast);
      drawn[index] = { node, turn, isLast };
    });
    drawProblem(state.problem);
    panel.setLink(state.link);
    if (isAtEnd || hasNewTurn || problem) log.scrollTop = log.scrollHeight;
  }

  function place(node, index) {
    const before = drawn[index - 1]?.node ?? panel.choice;
    before.after(node);
    return node;
  }

  const button = (label, onclick, props = {}) => h("button.btn.btn--line.btn--small", { type: "button", onclick, ...props }, label);

  function asked() {
    const text = h("p.chat__question");
    const node = h("div", {}, h("p.chat__who", {}, words.you), text);
    return Object.assign(node, { parts: { text } });
  }

  function answer(index) {
    const parts = {
      text: h("div.chat__text"),
      sources: h("ol.sources", { "aria-label": words.sources, hidden: true }),
      copy: button(words.copy, () => copy(parts.copy, drawn[index].turn)),
      vote: createVote({ panel, settings, onVote: (verdict) => onVote(drawn[index].turn.reference, verdict) }),
      noteText: h("p"),
      person: button(words.person, onPerson),
      retry: button(words.askAgain, onRetry),
    };
    parts.acts = h("div.chat__acts", { hidden: true }, parts.copy, parts.vote.buttons);
    parts.note = h("div.alert", { hidden: true }, parts.noteText, h("p.chat__acts", {}, parts.person, parts.retry));
    const who = h("p.chat__who", {}, words.assistant);
    const node = h("div.chat__answer", {}, who, parts.text, parts.sources, parts.acts, parts.vote.form, parts.note);
    return Object.assign(node, { parts });
  }

  function drawAnswer(node, turn, index, isLast) {
    const { parts } = node;
    const isStreaming = turn.outcome === "streaming";
    node.setAttribute("aria-busy", String(isStreaming));
    node.classList.toggle("chat__answer--stale", turn.isStale);
    drawText(parts.text, turn, index);
    parts.text.hidden = !isStreaming && !turn.text;
    drawSources(parts.sources, turn.sources, index);
    const isOver = OVER.includes(turn.outcome) && Boolean(turn.reference);
    parts.acts.hidden = isStreaming || !turn.text || (!isOver && !navigator.clipboard);
    parts.copy.hidden = !navigator.clipboard;
    parts.vote.show(isOver ? turn : null);
    parts.note.hidden = !turn.note;
    parts.note.classList.toggle("alert--warn", ["incomplete", "failed"].includes(turn.outcome));
    parts.noteText.textContent = turn.note;
    parts.person.hidden = isStreaming || turn.mayRetry;
    parts.retry.hidden = !(isLast && turn.mayRetry);
  }

  function drawText(box, turn, index) {
    const numbers = new Set(turn.sources.map((source) => source.number));
    const wanted = turn.text ? blocks(turn.text) : [{ kind: "p", items: [""] }];
    wanted.forEach((block, at) => {
      const key = JSON.stringify([block, block.items.flatMap((item) => [...marksIn(item)].filter((n) => numbers.has(n)))]);
      const old = box.children[at];
      if (old?.drawnFrom === key) return;
      const element = drawBlock(block, numbers, index);
      element.drawnFrom = key;
      if (old) old.replaceWith(element);
      else box.append(element);
    });
    while (box.children.length > wanted.length) box.lastElementChild.remove();
  }

  function drawBlock({ kind, items }, numbers, index) {
    const draw = (item) => pieces(item, numbers, settings.link_hosts).map((piece) => drawPiece(piece, index));
    if (kind === "p") return h("p", {}, ...draw(items[0]));
    return h(kind, {}, ...items.map((item) => h("li", {}, ...draw(item))));
  }

  function drawPiece(piece, index) {
    if (piece.mark) return markLink(piece.mark, index);
    if (piece.link) return h("a", { href: piece.link, target: "_blank", rel: "noopener noreferrer" }, piece.text);
    if (piece.bold) return h("strong", {}, ...piece.bold.map((inner) => drawPiece(inner, index)));
    return document.createTextNode(piece.text);
  }

  function markLink(number, index) {
    const label = filled(words.source, { number });
    return h("a.cite", { href: `#assistant-${index}-${number}`, "aria-label": label }, String(number));
  }

  function drawSources(list, sources, index) {
    list.hidden = !sources.length;
    const numbers = sources.map((source) => source.number).join();
    if (list.drawnFrom === numbers) return;
    const kept = numbers.startsWith(`${list.drawnFrom},`) ? list.children.length : 0; // may be open, and read
    while (list.children.length > kept) list.lastElementChild.remove();
    list.append(...sources.slice(kept).map((source) => drawSource(source, index)));
    list.drawnFrom = numbers;
  }

  function drawSource(source, index) {
    const where = [source.heading, source.page && filled(words.page, { number: source.page })].filter(Boolean).join(", ");
    const { before, quote, after } = around(source.passage, source.quote);
    const passage = h("blockquote", {}, before, quote && h("mark", {}, quote), after);
    const details = h("details.more", {}, h("summary", {}, words.passage), passage);
    const item = h(
      "li",
      { id: `assistant-${index}-${source.number}`, tabindex: "-1" },
      markLink(source.number, index),
      h("div", {}, h("p", {}, source.url ? h("a", { href: source.url }, source.title) : source.title), where && h("p.sources__where", {}, where), details),
    );
    let leave = null;
    // not the toggle event, which comes a moment later: an Escape in between would close the panel
    new MutationObserver(() => {
      leave?.();
      leave = details.open ? panel.layer(() => closePassage(item, details)) : null;
    }).observe(details, { attributeFilter: ["open"] });
    return Object.assign(item, { details, cameFrom: null });
  }

  function closePassage(item, details) {
    details.open = false;
    (item.cameFrom?.isConnected ? item.cameFrom : details.firstElementChild).focus();
    item.cameFrom = null;
  }

  function drawProblem(wanted) {
    problem?.remove();
    problem = null;
    if (!wanted) return;
    const acts = wanted.retry && h("p.chat__acts", {}, button(words.retry, onRetry));
    problem = h("div.alert.alert--stop", {}, h("p", {}, wanted.text), acts);
    log.append(problem);
  }

  async function copy(target, turn) {
    await navigator.clipboard.writeText(plain(turn, words));
    target.textContent = words.copied;
    setTimeout(() => (target.textContent = words.copy), 2000);
  }

  // A mark in the text leads to its source and opens the passage.
  log.addEventListener("click", (event) => {
    const mark = event.target.closest("a.cite");
    if (!mark) return;
    event.preventDefault();
    const item = log.querySelector(mark.hash);
    for (const other of log.querySelectorAll(".cite[aria-current]")) other.removeAttribute("aria-current");
    for (const same of log.querySelectorAll(`.cite[href="${mark.hash}"]`)) same.setAttribute("aria-current", "true");
    item.cameFrom = item.contains(mark) ? null : mark;
    item.details.open = true;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  });

  return { show };
}

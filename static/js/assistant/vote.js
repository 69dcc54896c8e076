// Thumbs below an answer; the one that points down asks for a reason.

import { h, icon, ICONS } from "./dom.js";

let made = 0;

export function createVote({ panel, settings, onVote }) {
  const { words } = settings;
  const id = `assistant-vote-${(made += 1)}`;
  const thumb = (path, label, onclick) =>
    h("button.btn.btn--line.btn--small.chat__thumb", { type: "button", "aria-label": label, "aria-pressed": "false", onclick }, icon(path));
  const up = thumb(ICONS.up, words.helpful, () => vote({ helpful: true }));
  const down = thumb(ICONS.down, words.unhelpful, () => vote({ helpful: false, reason: "", text: "" }, true));
  const said = h("span.chat__notice", { role: "status" });
  const buttons = h("span.chat__vote", { hidden: true }, up, down, said);
  const reasons = settings.reasons.map(([value, label]) =>
    h("label.choice", {}, h("input", { type: "radio", name: "reason", value }), h("span", {}, label)),
  );
  const text = h("textarea", { id: `${id}-text`, name: "text", rows: "2", maxlength: String(settings.max_comment) });
  const form = h(
    "form.chat__reasons",
    { hidden: true },
    h("fieldset", {}, h("legend", {}, words.reason), ...reasons),
    h("div.field", {}, h("label", { for: `${id}-text` }, words.comment), text),
    h(
      "p.chat__acts",
      {},
      h("button.btn.btn--small", {}, words.sendFeedback),
      h("button.btn.btn--line.btn--small", { type: "button", onclick: () => toggle(false) }, words.cancel),
    ),
  );
  let leave = null;

  function toggle(isOpen) {
    leave?.();
    leave = isOpen ? panel.layer(() => toggle(false)) : null;
    const hadFocus = !form.hidden;
    form.hidden = !isOpen;
    if (isOpen) form.querySelector("input").focus();
    else if (hadFocus) down.focus();
  }

  async function vote(verdict, asksWhy = false) {
    said.textContent = "";
    const isKept = await onVote(verdict);
    said.textContent = isKept ? words.thanks : words.feedbackFailed;
    toggle(isKept && asksWhy);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form);
    vote({ helpful: false, reason: given.get("reason") ?? "", text: given.get("text").trim() });
  });

  // The verdict of the turn, or nothing at all where there is nothing to judge.
  function show(turn) {
    buttons.hidden = !turn;
    up.setAttribute("aria-pressed", String(turn?.feedback?.helpful === true));
    down.setAttribute("aria-pressed", String(turn?.feedback?.helpful === false));
  }

  return { buttons, form, show };
}

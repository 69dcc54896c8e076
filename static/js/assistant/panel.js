// The panel as a piece of the page: beside it on a wide screen, over it and modal on a phone. It knows nothing of answers.

import { h, icon, ICONS, filled } from "./dom.js";

const NEAR = 500;

export function createPanel({ settings, host, box }) {
  const { words } = settings;
  const away = { href: settings.privacy_url, target: "_blank", rel: "noopener" };
  const small = (label, props = {}) => h("button.btn.btn--line.btn--small", { type: "button", ...props }, label);
  const bare = (label, props = {}) => h("button.btn.btn--text.btn--small", { type: "button", ...props }, label);

  const title = h("h2", { id: "assistant-title", tabindex: "-1", "aria-describedby": "assistant-notice" }, words.assistant);
  const person = bare(words.person);
  const close = small(icon(ICONS.close), { "aria-label": words.close });
  const notice = h(
    "div.chat__notice",
    { id: "assistant-notice" },
    h("p", {}, `${words.notice} `, h("a", away, words.privacy)),
  );
  const session = small(words.session);
  const keep = small(words.keep);
  const choice = h(
    "div.chat__choice",
    { role: "group", "aria-labelledby": "assistant-choice" },
    h("p", { id: "assistant-choice" }, words.choice),
    h("p.chat__acts", {}, session, keep),
  );
  const keptText = h("span");
  const keepNow = bare(words.keep);
  const forget = bare(words.forget);
  const kept = h("p.chat__notice.chat__kept", {}, keptText, keepNow, forget);
  const about = { role: "log", "aria-live": "off", "aria-label": words.conversation, tabindex: "0" };
  const log = h("div.chat__log", about, notice, kept, choice);
  const link = h("p.chat__state", { hidden: true });
  const question = h("textarea", { id: "assistant-question", rows: "1", "aria-describedby": "assistant-count assistant-hint" });
  const send = h("button.btn", { "aria-label": words.send }, icon(ICONS.send));
  const stop = h("button.btn.btn--line", { type: "button", "aria-label": words.stop, hidden: true }, icon(ICONS.stop));
  const count = h("p.chat__notice.chat__count", { id: "assistant-count", hidden: true });
  const form = h(
    "form.chat__ask",
    {},
    link,
    h(
      "div.chat__row",
      {},
      h("div.field", {}, h("label", { for: "assistant-question" }, words.question), question),
      send,
      stop,
    ),
    count,
    h("p.chat__notice", { id: "assistant-hint" }, words.hint),
  );
  const voice = h("div.visually-hidden", { "aria-live": "polite" });
  const dialog = h(
    "dialog.chat",
    { id: "assistant-panel", "aria-labelledby": "assistant-title" },
    h("header.chat__head", {}, title, person, close),
    log,
    form,
    voice,
  );
  const coversPage = matchMedia("(width <= 30rem)");
  const layers = []; // what Escape closes, the innermost last

  function show() {
    if (dialog.open) dialog.close();
    if (!dialog.isConnected) box.append(dialog);
    if (coversPage.matches) dialog.showModal();
    else dialog.show();
    host.classList.add("assistant--open");
  }

  function hide() {
    dialog.close();
    dialog.remove();
    host.classList.remove("assistant--open");
  }

  // a keyboard on the screen would cover the notice and the answer
  function takeFocus() {
    const isReady = !form.hidden && log.hidden === false && matchMedia("(pointer: fine)").matches;
    (isReady ? question : title).focus();
  }

  function drawCount() {
    const max = settings.max_question;
    const { length } = question.value;
    count.hidden = length < max - NEAR;
    const [written, all] = [length, max].map((number) => number.toLocaleString(settings.language));
    count.textContent = filled(words.count, { count: written, max: all });
    count.classList.toggle("chat__count--over", length > max);
  }

  function setQuestion(text) {
    question.value = text;
    drawCount();
  }

  // null until somebody has chosen: nothing can be sent before the notice was there to be read
  function setChoice(value) {
    choice.hidden = Boolean(value);
    form.hidden = kept.hidden = !value;
    keptText.textContent = value === "keep" ? words.isKept : words.isSession;
    keepNow.hidden = value === "keep";
  }

  function setBusy(isBusy) {
    send.hidden = isBusy;
    stop.hidden = !isBusy;
  }

  function setLink(state) {
    link.hidden = !state;
    link.textContent = words[state] ?? "";
  }

  function layer(closeIt) {
    layers.push(closeIt);
    return () => layers.includes(closeIt) && layers.splice(layers.indexOf(closeIt), 1);
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    if (layers.length) layers.pop()();
    else close.click();
  });
  dialog.addEventListener("cancel", (event) => event.preventDefault());
  question.addEventListener("input", drawCount);
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  coversPage.addEventListener("change", () => dialog.isConnected && show());

  return {
    dialog, log, form, question, send, stop, voice, person, close, session, keep, keepNow, forget, choice,
    show, hide, takeFocus, setQuestion, setChoice, setBusy, setLink, layer,
  };
}

// Holds the parts together: what a person does becomes an event, an event changes the state, the state is drawn.

import { EMPTY, isBusy, lastQuestion, next } from "./conversation.js";
import { filled, h } from "./dom.js";
import { createPanel } from "./panel.js";
import { createPerson } from "./person.js";
import { createStore } from "./storage.js";
import { ask, newId } from "./stream.js";
import { createView } from "./view.js";
import { createVoice } from "./voice.js";

export function begin({ api, settings, isOurs, service, host, box }) {
  const { words } = settings;
  const store = (api.store = createStore());
  const panel = createPanel({ settings, host, box });
  const voice = createVoice(panel.voice, words);
  const person = createPerson({ panel, settings, handOff, isGuest: () => isGuest });
  const view = createView(panel, settings, { onRetry: retry, onPerson: person.open, onVote: vote });
  const launcher = isOurs ? document.querySelector(".launcher") : h("button.btn.launcher", { type: "button", onclick: () => open() }, words.assistant);
  let state = EMPTY;
  let controller = null;
  let history = null;
  let cameFrom = null;
  let token = null;
  let isGuest = true;
  let isDrawn = true; // what happened since the last frame is drawn in one go

  function take(event) {
    if (event.type === "conversation") remember(event);
    state = next(state, event);
    panel.setBusy(isBusy(state));
    if (isDrawn) requestAnimationFrame(draw);
    isDrawn = false;
  }

  function draw() {
    isDrawn = true;
    view.show(state);
    voice.speak(state);
  }

  function remember(about) {
    token = about.token;
    if (about.key) store.key = about.key;
  }

  async function send(text, id = newId()) {
    if (!text || isBusy(state)) return;
    await history;
    if (isBusy(state)) return;
    take({ type: "asked", text, id });
    if (panel.question.value.trim() === text) panel.setQuestion("");
    controller = new AbortController();
    store.pending = { text, id };
    for await (const event of ask(api, { text, id, keep: store.choice === "keep", service }, controller.signal)) {
      if (event.type === "lost") take({ type: "lost", text: words.lost });
      else if (event.type === "refused") giveBack(text, refusal(event));
      else take(event);
    }
    if (isBusy(state)) take({ type: "stopped", note: words.stopped });
    if (!state.problem) store.pending = null;
  }

  function retry() {
    const asked = store.pending ?? lastQuestion(state);
    panel.takeFocus();
    return asked && send(asked.text, asked.id ?? undefined);
  }

  function giveBack(text, event) {
    take(event);
    store.pending = null;
    if (!panel.question.value) panel.setQuestion(text);
  }

  function refusal({ title, status, retryAfter }) {
    const wait = retryAfter ? ` ${filled(words.wait, { minutes: Math.ceil(retryAfter / 60) })}` : "";
    return { type: "refused", text: (title || words.unavailable) + wait, retry: status >= 500 };
  }

  async function vote(reference, verdict) {
    try {
      const { offer_person: offersPerson, ...feedback } = await api.vote(reference, verdict);
      take({ type: "feedback", reference, feedback });
      if (offersPerson && !verdict.helpful) offerPerson();
      return true;
    } catch {
      return false;
    }
  }

  function offerPerson() {
    if (panel.log.querySelector(".chat__offer")) return;
    const button = h("button.btn.btn--small", { type: "button", onclick: person.open }, words.person);
    panel.log.append(h("div.alert.chat__offer", {}, h("p", {}, words.personOffer), h("p.chat__acts", {}, button)));
    panel.log.scrollTop = panel.log.scrollHeight;
    voice.say(words.personOffer);
  }

  async function handOff(request) {
    if (!token) remember(await api.begin(store.choice === "keep"));
    const { number, link } = await api.handOff(token, request);
    return { number, link: link && new URL(link, settings.privacy_url).href };
  }

  async function recall() {
    const told = await api.history();
    remember(told);
    isGuest = told.is_guest;
    take({ type: "history", messages: told.messages });
  }

  // an answer that was being written when the page was left goes on here
  function goOn() {
    const pending = store.pending;
    const answer = state.turns.at(-1);
    const isFinal = answer?.role === "answer" && answer.outcome !== "limited" && !answer.mayRetry;
    if (pending && lastQuestion(state)?.id === pending.id && !isFinal) send(pending.text, pending.id);
    else store.pending = null;
  }

  function choose(value) {
    store.choice = value;
    panel.setChoice(value);
    panel.question.focus();
  }

  async function keepNow() {
    await api.begin(true).then(remember, () => null);
    choose("keep");
  }

  async function forget() {
    controller?.abort();
    try {
      await api.forget();
    } catch {
      voice.say(words.forgetFailed);
      return;
    }
    [token, store.pending, store.key] = [null, null, null];
    panel.log.querySelector(".chat__offer")?.remove();
    take({ type: "forgotten" });
    choose(null);
    voice.say(words.forgotten);
    panel.takeFocus();
  }

  function open({ from = null, takeFocus = true, question = "" } = {}) {
    cameFrom = from ?? launcher;
    panel.show();
    panel.setChoice(store.choice);
    launcher.hidden = true;
    store.isOpen = true;
    history ??= recall().then(goOn, () => null);
    view.show(state);
    if (question && store.choice) send(question);
    else if (question) panel.setQuestion(question); // the notice comes first
    if (takeFocus) panel.takeFocus();
  }

  function close() {
    panel.hide();
    launcher.hidden = false;
    store.isOpen = false;
    (cameFrom?.isConnected ? cameFrom : launcher).focus();
  }

  panel.form.addEventListener("submit", (event) => {
    event.preventDefault();
    panel.question.focus(); // the button pressed is about to go
    send(panel.question.value.trim());
  });
  panel.stop.addEventListener("click", () => {
    controller?.abort();
    panel.question.focus();
  });
  panel.close.addEventListener("click", close);
  panel.person.addEventListener("click", person.open);
  panel.session.addEventListener("click", () => choose("session"));
  panel.keep.addEventListener("click", () => choose("keep"));
  panel.keepNow.addEventListener("click", keepNow);
  panel.forget.addEventListener("click", forget);
  if (!isOurs) box.append(launcher);
  return { open };
}

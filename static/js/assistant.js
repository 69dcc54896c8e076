// The assistant as a panel beside any page. Without this script its launcher is a link to the page with the plain form.

import { EMPTY, isBusy, lastQuestion, next } from "./assistant/conversation.js";
import { ask, loadHistory } from "./assistant/stream.js";
import { createView, part } from "./assistant/view.js";

const MAX_QUESTION = 5000;
const NEAR = 500;
const REMEMBERED = "assistant";

function begin(template) {
  const words = template.dataset;
  const panel = document.importNode(template.content, true).firstElementChild;
  const [form, box, count] = ["form", "question", "count"].map((name) => part(panel, name));
  const launcher = document.querySelector(".launcher");
  const coversPage = matchMedia("(width <= 30rem)");
  const view = createView(panel, words, { onRetry: retry });
  let state = EMPTY;
  let controller = null;
  let history = null;
  let cameFrom = null;
  let isDrawn = true; // what happened since the last frame is drawn in one go

  function take(event) {
    state = next(state, event);
    part(panel, "send").hidden = isBusy(state);
    part(panel, "stop").hidden = !isBusy(state);
    if (isDrawn) requestAnimationFrame(draw);
    isDrawn = false;
  }

  function draw() {
    if (isDrawn) return;
    isDrawn = true;
    view.show(state);
  }

  async function send(text) {
    if (!text || isBusy(state)) return;
    take({ type: "asked", text });
    if (box.value.trim() === text) setQuestion("");
    controller = new AbortController();
    await history;
    for await (const event of ask({ url: words.askUrl, csrf: words.csrf, text, controller })) {
      if (event.type === "lost") giveBack(text, { type: "lost", text: words.lost });
      else if (event.type === "refused") giveBack(text, refusal(event));
      else take(event);
    }
    if (isBusy(state)) take({ type: "stopped", note: words.stopped });
  }

  function retry() {
    takeIn();
    return send((state.problem && box.value.trim()) || lastQuestion(state));
  }

  function giveBack(text, event) {
    take(event);
    if (!box.value) setQuestion(text);
  }

  function refusal({ title, status, retryAfter }) {
    const wait = retryAfter ? ` ${words.wait.replace("{minutes}", Math.ceil(retryAfter / 60))}` : "";
    return { type: "refused", text: (title || words.unavailable) + wait, retry: status >= 500 };
  }

  function setQuestion(text) {
    box.value = text;
    drawCount();
  }

  function drawCount() {
    const length = box.value.length;
    count.hidden = length < MAX_QUESTION - NEAR;
    const [written, max] = [length, MAX_QUESTION].map((number) => number.toLocaleString(document.documentElement.lang));
    count.textContent = words.count.replace("{count}", written).replace("{max}", max);
    count.classList.toggle("chat__count--over", length > MAX_QUESTION);
  }

  function open({ takeFocus = true } = {}) {
    cameFrom = document.activeElement;
    if (!panel.isConnected) document.body.append(panel);
    launcher.hidden = true;
    sessionStorage.setItem(REMEMBERED, "open");
    setInert();
    history ??= loadHistory(words.historyUrl).then((messages) => take({ type: "history", messages }), () => null);
    view.show(state);
    if (takeFocus) takeIn();
  }

  function close() {
    panel.remove();
    launcher.hidden = false;
    sessionStorage.removeItem(REMEMBERED);
    setInert();
    (cameFrom?.isConnected && cameFrom !== document.body ? cameFrom : launcher).focus();
  }

  // a keyboard on the screen would cover the notice and the answer
  function takeIn() {
    (matchMedia("(pointer: fine)").matches ? box : panel.querySelector("h2")).focus();
  }

  // on a phone the panel is all there is: the page below must not take the focus
  function setInert() {
    for (const element of document.body.children) {
      if (element !== panel) element.inert = panel.isConnected && coversPage.matches;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-assistant-open]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open();
  });
  // the form of the assistant's own page asks here too
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-assistant-ask]")) return;
    event.preventDefault();
    open();
    send(new FormData(event.target).get("text").trim());
    event.target.reset();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (document.activeElement !== box) takeIn(); // the button pressed is about to go
    send(box.value.trim());
  });
  box.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  panel.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
  });
  part(panel, "close").addEventListener("click", close);
  part(panel, "stop").addEventListener("click", () => {
    controller?.abort("stopped");
    box.focus();
  });
  box.addEventListener("input", drawCount);
  coversPage.addEventListener("change", setInert);
  // a text pasted in must not be cut without a word: the counter and the server say so instead
  box.removeAttribute("maxlength");
  if (sessionStorage.getItem(REMEMBERED) && !coversPage.matches) open({ takeFocus: false });
}

const template = document.getElementById("assistant");
if (template) begin(template);

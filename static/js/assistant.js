// The assistant beside any page, ours or another site's that embeds it with one script tag (docs/widget.md). It lives in
// a shadow root with stylesheets of its own, so that neither page nor panel changes how the other looks.

import { begin } from "./assistant/app.js";
import { createApi } from "./assistant/stream.js";

const tag = document.querySelector("script[data-assistant]");
const base = new URL(import.meta.url).origin;
const isOurs = base === location.origin;

function language() {
  const wanted = (tag?.dataset.language || document.documentElement.lang || "it").slice(0, 2).toLowerCase();
  return wanted === "en" ? "en" : "it";
}

// An empty element that holds the shadow root; what is in it waits for its stylesheets.
async function build(settings) {
  const host = document.createElement("div");
  host.className = "assistant";
  const root = host.attachShadow({ mode: "open" });
  const box = document.createElement("div");
  box.className = "widget";
  box.lang = settings.language;
  if (tag?.dataset.theme) box.dataset.theme = tag.dataset.theme;
  // sizes are in rem: a page that made its own smaller ("62.5%") must not make our text unreadable
  const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  if (size < 16) box.style.zoom = 16 / size;
  const sheets = settings.stylesheets.map(
    (href) =>
      new Promise((done, fail) => {
        const link = document.createElement("link");
        // with CORS elsewhere, so that a page which isolates itself (COEP) may load them too
        Object.assign(link, { rel: "stylesheet", crossOrigin: isOurs ? null : "anonymous", href, onload: done, onerror: fail });
        root.append(link);
      }),
  );
  document.body.append(host);
  await Promise.all(sheets);
  root.append(box);
  return { host, box };
}

let app = null;

// The whole widget, made once; a failure may be tried again.
function load() {
  const api = createApi({ base, isOurs, language: language(), csrf: tag?.dataset.csrf });
  app ??= api.settings().then(async (settings) => begin({ api, settings, isOurs, service: tag?.dataset.service, ...(await build(settings)) }));
  app.catch(() => (app = null));
  return app;
}

async function open(link, question) {
  try {
    (await load()).open({ from: link, question });
  } catch {
    if (link?.href) location.assign(link.href); // the page with the plain form
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-assistant-open]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open(link);
});
// the form of the assistant's own page asks here too
document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-assistant-ask]")) return;
  event.preventDefault();
  open(null, new FormData(event.target).get("text").trim());
  event.target.reset();
});
if (!isOurs) load().catch(() => addEventListener("online", () => load().catch(() => null), { once: true }));
else if (sessionStorage.getItem("assistant") === "open" && !matchMedia("(width <= 30rem)").matches) {
  load().then((widget) => widget.open({ takeFocus: false }), () => null);
}

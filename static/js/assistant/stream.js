// The way to the server: one question out, server-sent events back, again and again until the answer is complete
// (https://html.spec.whatwg.org/multipage/server-sent-events.html; EventSource can only GET).

const SILENCE_MS = 40_000; // the server says something every 15 s
const WAITS_MS = [500, 1000, 2000, 4000, 8000, 15_000, 15_000];

// A random UUID (version 4); on a page without https the browser's own function is missing.
export function newId() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

// A function that is fed pieces of the stream as they come and returns the events they complete.
export function eventParser() {
  let rest = "";
  let name = "";
  let data = [];
  return (chunk) => {
    const events = [];
    // a CR at the end of a piece may be half of a CRLF: it waits for the next one
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length) events.push({ name: name || "message", data: data.join("\n") });
        name = "";
        data = [];
      } else if (!line.startsWith(":")) {
        const [, field, value] = /^([^:]*)(?:: ?(.*))?$/s.exec(line);
        if (field === "event") name = value ?? "";
        else if (field === "data") data.push(value ?? "");
      }
    }
    return events;
  };
}

// The doors of the assistant. On our own pages the session goes along with its CSRF token; elsewhere no cookie does, and
// a key, given to `store`, proves the conversation.
export function createApi({ base, isOurs, language, csrf, store = {} }) {
  const url = (path) => `${base}/api/v1/chat/${path}`;

  function send(method, path, body, more = {}) {
    const headers = { Accept: more.accept || "application/json" };
    if (body) headers["Content-Type"] = "application/json";
    if (isOurs && method !== "GET") headers["X-CSRFToken"] = csrf;
    if (!isOurs) headers["Accept-Language"] = language;
    if (!isOurs && api.store.key) headers["X-Conversation"] = api.store.key;
    const signal = more.signal || AbortSignal.timeout(20_000);
    const credentials = isOurs ? "same-origin" : "omit";
    return fetch(url(path), { method, headers, body: body && JSON.stringify(body), credentials, signal });
  }

  async function json(method, path, body) {
    const response = await send(method, path, body);
    const told = response.status === 204 ? {} : await response.json();
    if (!response.ok) throw Object.assign(new Error(told.title), { title: told.title, errors: told.errors || [] });
    return told;
  }

  const api = {
    store,
    send,
    settings: async () => {
      const response = await fetch(`${url("widget")}?language=${language}`, { credentials: "omit" });
      if (!response.ok) throw new Error(`widget: ${response.status}`);
      return response.json();
    },
    history: () => json("GET", "conversations/current"),
    begin: (keep) => json("POST", "conversations", { keep }),
    forget: () => json("DELETE", "conversations/current"),
    vote: (reference, verdict) => json("POST", `messages/${reference}/feedback`, verdict),
    handOff: (token, request) => json("POST", `conversations/${token}/handoff`, request),
  };
  return api;
}

// The events of one answer, over as many connections as it takes. The last is done, refused (the server did not take
// the question) or lost (it could not be reached); after an abort of `signal` there is none.
export async function* ask(api, question, signal) {
  let tries = 0;
  for (;;) {
    let isLost = false;
    for await (const event of once(api, question, signal)) {
      // a proxy's page while the server is away is no refusal of a question it has taken
      isLost = event.type === "lost" || (event.type === "refused" && event.status >= 500 && tries > 0);
      if (isLost) break;
      if (event.type === "conversation") tries = 0;
      yield event;
      if (event.type === "done" || event.type === "refused") return;
    }
    if (signal.aborted) return;
    if (navigator.onLine && tries >= WAITS_MS.length) {
      yield { type: "lost" };
      return;
    }
    yield { type: "link", state: navigator.onLine ? "reconnecting" : "offline" };
    if (!navigator.onLine) {
      await happens(window, "online", signal);
      tries = 0;
    }
    await pause(WAITS_MS[tries], signal);
    tries += 1;
    if (signal.aborted) return;
  }
}

async function* once(api, question, signal) {
  const connection = new AbortController();
  const hangUp = () => connection.abort();
  let timer = setTimeout(hangUp, SILENCE_MS);
  signal.addEventListener("abort", hangUp);
  window.addEventListener("offline", hangUp);
  try {
    const response = await api.send("POST", "messages", question, { accept: "text/event-stream", signal: connection.signal });
    if (!response.headers.get("Content-Type")?.startsWith("text/event-stream")) {
      yield await problem(response);
      return;
    }
    const parse = eventParser();
    const decoder = new TextDecoder();
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      clearTimeout(timer);
      if (done) break;
      timer = setTimeout(hangUp, SILENCE_MS);
      for (const event of parse(decoder.decode(value, { stream: true }))) {
        yield { ...JSON.parse(event.data), type: event.name };
        if (event.name === "done") return;
      }
    }
    yield { type: "lost" };
  } catch {
    yield { type: "lost" };
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", hangUp);
    window.removeEventListener("offline", hangUp);
    hangUp();
  }
}

async function problem(response) {
  const retryAfter = Number(response.headers.get("Retry-After")) || 0;
  try {
    const { title } = await response.json();
    if (title) return { type: "refused", title, status: response.status, retryAfter };
  } catch {
    // not ours: a page of a proxy in between
  }
  return { type: "refused", title: "", status: response.status, retryAfter };
}

function happens(target, name, signal) {
  return new Promise((done) => {
    target.addEventListener(name, done, { once: true, signal });
    signal.addEventListener("abort", done, { once: true });
  });
}

// A while, or less when the connection is back or nobody waits any more.
function pause(ms, signal) {
  return new Promise((done) => {
    setTimeout(done, ms);
    window.addEventListener("online", done, { once: true });
    signal.addEventListener("abort", done, { once: true });
  });
}

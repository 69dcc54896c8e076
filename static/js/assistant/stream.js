// The way to the server: one question out, server-sent events back
// (https://html.spec.whatwg.org/multipage/server-sent-events.html; EventSource can only GET).

const SILENCE_MS = 60_000;

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

// The events of one answer. The last is done, refused (the server did not take the question) or lost.
export async function* ask({ url, csrf, text, controller }) {
  let timer = watch(controller);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "text/event-stream", "X-CSRFToken": csrf },
      body: JSON.stringify({ text }),
      signal: controller.signal,
    });
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
      timer = watch(controller);
      for (const event of parse(decoder.decode(value, { stream: true }))) {
        yield { ...JSON.parse(event.data), type: event.name };
        if (event.name === "done") return;
      }
    }
    yield { type: "lost" };
  } catch (error) {
    if (controller.signal.reason === "stopped") return;
    yield { type: "lost", error };
  } finally {
    clearTimeout(timer);
    controller.abort("over");
  }
}

export async function loadHistory(url) {
  const response = await fetch(url, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(10_000) });
  if (!response.ok) throw new Error(`history: ${response.status}`);
  return (await response.json()).messages;
}

function watch(controller) {
  return setTimeout(() => controller.abort("silence"), SILENCE_MS);
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

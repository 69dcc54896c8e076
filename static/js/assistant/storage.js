// What this browser remembers: the choice, and, only as far as it was agreed to, the conversation.

const CHOICE = "assistant-choice"; // "keep" or "session"
const KEY = "assistant-key"; // of the conversation, on other sites: ours have a cookie that scripts cannot read
const PENDING = "assistant-pending"; // the question whose answer is not complete yet
const OPEN = "assistant";

// Where storage is blocked, memory has to do.
function area(name) {
  try {
    const found = window[name];
    found.setItem("assistant-test", "1");
    found.removeItem("assistant-test");
    return found;
  } catch {
    const kept = new Map();
    return {
      getItem: (key) => kept.get(key) ?? null,
      setItem: (key, value) => kept.set(key, value),
      removeItem: (key) => kept.delete(key),
    };
  }
}

export function createStore() {
  const local = area("localStorage");
  const session = area("sessionStorage");
  const set = (where, name, value) => (value ? where.setItem(name, value) : where.removeItem(name));

  return {
    get choice() {
      return local.getItem(CHOICE);
    },
    set choice(value) {
      const key = this.key;
      set(local, CHOICE, value);
      this.key = value ? key : null;
    },
    get key() {
      return session.getItem(KEY) ?? local.getItem(KEY);
    },
    set key(value) {
      set(session, KEY, value);
      set(local, KEY, this.choice === "keep" ? value : null);
    },
    get pending() {
      return JSON.parse(session.getItem(PENDING) ?? "null");
    },
    set pending(question) {
      set(session, PENDING, question && JSON.stringify(question));
    },
    set isOpen(value) {
      set(session, OPEN, value ? "open" : null);
    },
  };
}

// From the model's plain text to what a page can show: paragraphs and simple lists, with bold words and numbered marks.

const ITEM = /^\s*(?:[-*•]|(\d{1,2})[.)])\s+(.*)$/;

// [{ kind: "p" | "ul" | "ol", items: [text] }]
export function blocks(text) {
  const found = [];
  let open = null;
  for (const line of text.split("\n")) {
    const item = ITEM.exec(line);
    if (!line.trim()) {
      open = null;
    } else if (item) {
      const kind = item[1] ? "ol" : "ul";
      // a blank line between two points does not end their list
      const last = found.at(-1);
      if (last?.kind === kind) last.items.push(item[2]);
      else found.push({ kind, items: [item[2]] });
      open = found.at(-1);
    } else if (open) {
      open.items[open.items.length - 1] += ` ${line.trim()}`;
    } else {
      open = { kind: "p", items: [line.trim().replace(/^#{1,6}\s+/, "")] };
      found.push(open);
    }
  }
  return found;
}

// [{ text }, { bold: [pieces] }, { mark: number }, { link: url }]. A number that is not among `numbers` stays text, and
// so does every address whose host is not among `hosts`: a link is a way to carry words out of the conversation.
export function pieces(text, numbers, hosts = []) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(/\*\*(\S(?:.*?\S)?)\*\*|\[(\d{1,2})\]|https?:\/\/[^\s<>"'()[\]*]*[^\s<>"'()[\]*.,;:!?»”]/g)) {
    const [whole, bold, mark] = match;
    if (mark && !numbers.has(Number(mark))) continue;
    const link = bold || mark ? null : allowed(whole, hosts);
    if (!bold && !mark && !link) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push(mark ? { mark: Number(mark) } : bold ? { bold: pieces(bold, numbers, hosts) } : { link, text: whole });
    end = match.index + whole.length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
}

function allowed(address, hosts) {
  try {
    const url = new URL(address);
    return hosts.includes(url.host) && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

// The answer as a letter or a mail would have it, with its sources below.
export function plain(turn, words) {
  const sources = turn.sources.map(({ number, title, heading, page }) => {
    const where = [title, heading, page && words.page.replace("{number}", page)].filter(Boolean).join(", ");
    return `[${number}] ${where}`;
  });
  return [turn.text.replaceAll("**", ""), sources.join("\n")].filter(Boolean).join("\n\n");
}

// { before, quote, after } of the passage, whatever the white space; without a quote when it does not stand there
export function around(passage, quote) {
  const places = [...passage.matchAll(/\S/g)].map((match) => match.index);
  const words = quote.replace(/\s+/g, "");
  const at = words ? passage.replace(/\s+/g, "").indexOf(words) : -1;
  if (at < 0) return { before: passage, quote: "", after: "" };
  const [start, end] = [places[at], places[at + words.length - 1] + 1];
  return { before: passage.slice(0, start), quote: passage.slice(start, end), after: passage.slice(end) };
}

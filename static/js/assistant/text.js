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

// [{ text }, { bold: [pieces] }, { mark: number }]; a number that is not among `numbers` stays text
export function pieces(text, numbers) {
  const found = [];
  let end = 0;
  for (const match of text.matchAll(/\*\*(\S(?:.*?\S)?)\*\*|\[(\d{1,2})\]/g)) {
    if (match[2] && !numbers.has(Number(match[2]))) continue;
    if (match.index > end) found.push({ text: text.slice(end, match.index) });
    found.push(match[2] ? { mark: Number(match[2]) } : { bold: pieces(match[1], numbers) });
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push({ text: text.slice(end) });
  return found;
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

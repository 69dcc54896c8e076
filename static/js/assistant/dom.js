// Elements from words: text becomes text nodes only, never HTML.

const SVG = "http://www.w3.org/2000/svg";

// h("button.btn.btn--line", { type: "button", onclick }, "Send"); what is null or false is left out
export function h(name, props = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on") || key === "hidden") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child || child === 0));
  return element;
}

export function icon(path) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 18 18", "aria-hidden": "true", focusable: "false", class: "icon" })) {
    svg.setAttribute(key, value);
  }
  const line = document.createElementNS(SVG, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export const ICONS = {
  close: "M4 4l10 10M14 4 4 14",
  send: "M9 15V3.5M4.5 8 9 3.5 13.5 8",
  stop: "M5 5h8v8H5z",
  up: "M3 8.5h3V15H3zM6 8.5 9 3c1.5 0 2 1 1.7 2.3L10.2 7.5H14c1 0 1.6.8 1.4 1.7l-1 4.6c-.2.8-.8 1.2-1.6 1.2H6",
  down: "M15 9.5h-3V3h3zM12 9.5 9 15c-1.5 0-2-1-1.7-2.3l.5-2.2H4c-1 0-1.6-.8-1.4-1.7l1-4.6C3.8 3.4 4.4 3 5.2 3H12",
};

export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

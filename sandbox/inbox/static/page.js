// Keeps the parts marked data-live fresh. Without script the pages work the same; one reloads by hand.
const PAUSE_MS = 4000;

function isInUse(part) {
  return part.contains(document.activeElement) || part.querySelector("details[open]") !== null;
}

async function refresh() {
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const part of document.querySelectorAll("[data-live]")) {
    const newer = fresh.getElementById(part.id);
    if (newer && newer.innerHTML !== part.innerHTML && !isInUse(part)) part.replaceWith(newer);
  }
}

async function keepFresh() {
  if (!document.hidden) await refresh().catch(() => {});
  setTimeout(keepFresh, PAUSE_MS);
}

if (document.querySelector("[data-live]")) setTimeout(keepFresh, PAUSE_MS);

// The page of an order asks where it is: often while the payment is open, seldom while the invoice is on its way.

const place = document.querySelector("[data-wait]");
const HURRY_MS = 1500;
const CALM_MS = 10_000;
const LONGEST_MS = 60_000;
const PATIENCE_MS = 60_000;
const started = Date.now();

function text(name) {
  return place.querySelector(`[data-wait-${name}]`).content.textContent;
}

function hasChanged(state) {
  const { status, payment, invoice } = place.dataset;
  return state.status !== status || state.payment !== payment || state.invoice_state !== invoice;
}

function admitSlowness() {
  const visible = place.querySelector("[data-wait-text]");
  if (visible && !place.dataset.slow && Date.now() - started > PATIENCE_MS) {
    place.dataset.slow = "true";
    visible.firstChild.textContent = `${text("slow")} `;
    place.querySelector("[data-wait-message]").textContent = text("slow");
  }
}

async function ask() {
  const answer = await fetch(place.dataset.wait, {
    headers: { Accept: "application/json" },
    signal: AbortSignal.timeout(10_000),
  });
  // a session that has ended is answered with the login page
  if (!answer.ok || answer.redirected) {
    throw new Error(`${answer.status}`);
  }
  return answer.json();
}

async function watch(first) {
  let pause = first;
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    if (document.hidden) {
      continue;
    }
    try {
      if (hasChanged(await ask())) {
        place.querySelector("[data-wait-message]").textContent = text("changed");
        window.location.reload();
        return;
      }
      pause = Math.min(pause * 1.2, Math.max(first, CALM_MS));
    } catch {
      pause = Math.min(pause * 2, LONGEST_MS);
    }
    admitSlowness();
  }
}

if (place && "hurry" in place.dataset) {
  watch(HURRY_MS);
} else if (place && "follow" in place.dataset) {
  watch(CALM_MS);
}

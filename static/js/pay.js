// Stripe's Payment Element. The card never touches this page, and nothing here marks the order as paid.

const settings = JSON.parse(document.getElementById("element").textContent);
const form = document.getElementById("payment-form");
const place = form.querySelector("[data-payment]");
const button = form.querySelector("button");
const message = form.querySelector("[data-payment-message]");
const loadError = form.querySelector("[data-load-error]").content.textContent;
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const LOAD_LIMIT_MS = 20_000;

// Stripe's frame takes plain values only: the browser resolves light-dark() and rem on an element of ours
function resolved(property, value) {
  const probe = document.createElement("span");
  probe.style.setProperty(property, value);
  place.append(probe);
  const answer = getComputedStyle(probe).getPropertyValue(property);
  probe.remove();
  return answer;
}

function isDark() {
  const theme = new FormData(document.querySelector("[data-theme-form]")).get("theme");
  return theme === "dark" || (theme !== "light" && dark.matches);
}

function appearance() {
  const colour = (name) => resolved("color", `var(--${name})`);
  return {
    theme: isDark() ? "night" : "stripe",
    variables: {
      colorPrimary: colour("accent"),
      colorBackground: colour("surface"),
      colorText: colour("ink"),
      colorTextSecondary: colour("ink-soft"),
      colorTextPlaceholder: colour("ink-soft"),
      colorDanger: colour("stop"),
      fontFamily: resolved("font-family", "var(--sans)"),
      fontSizeBase: resolved("font-size", "var(--text-m)"),
      borderRadius: resolved("border-top-left-radius", "var(--radius)"),
    },
    rules: {
      ".Input": { border: `1px solid ${colour("rule-strong")}`, boxShadow: "none" },
      ".Label": { fontWeight: "600" },
    },
  };
}

function say(text) {
  const alert = document.createElement("div");
  alert.className = "alert alert--stop";
  const paragraph = document.createElement("p");
  paragraph.textContent = text;
  alert.append(paragraph);
  message.replaceChildren(...(text ? [alert] : []));
}

function setBusy(busy) {
  button.disabled = busy;
  button.setAttribute("aria-busy", String(busy));
}

function giveUp() {
  place.dataset.state = "failed";
  button.disabled = true;
  say(loadError);
}

async function pay(stripe, elements) {
  setBusy(true);
  say("");
  const checked = await elements.submit();
  const answer = checked.error
    ? checked
    : await stripe.confirmPayment({ elements, confirmParams: { return_url: settings.returnUrl } });
  // without an error the browser is already on its way to the order
  say(answer.error.message || settings.failed);
  setBusy(false);
}

function start() {
  if (!window.Stripe) {
    giveUp();
    return;
  }
  const stripe = window.Stripe(settings.publishableKey, { locale: settings.locale });
  const elements = stripe.elements({ clientSecret: settings.clientSecret, appearance: appearance() });
  const element = elements.create("payment", { layout: "tabs" });
  const limit = setTimeout(giveUp, LOAD_LIMIT_MS);
  element.on("ready", () => {
    clearTimeout(limit);
    place.dataset.state = "ready";
    button.disabled = false;
    say("");
  });
  element.on("loaderror", () => {
    clearTimeout(limit);
    giveUp();
  });
  element.mount(form.querySelector("[data-payment-element]"));
  const repaint = () => elements.update({ appearance: appearance() });
  dark.addEventListener("change", repaint);
  document.querySelector("[data-theme-form]").addEventListener("change", repaint);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!button.disabled) {
      pay(stripe, elements).catch(() => {
        say(settings.failed);
        setBusy(false);
      });
    }
  });
}

// the module may run before Stripe.js, which is deferred too
if (window.Stripe || document.readyState === "complete") {
  start();
} else {
  window.addEventListener("load", start, { once: true });
}

// The card fields. They talk to their page only by messages whose origin is checked on both sides, and to the API of
// their own origin; the card number leaves this frame in no other way.
import { brandOf, formatExpiry, formatNumber, checkCvc, checkExpiry, checkNumber, digitsOf } from "/v3/card.js";
import { MESSAGES, TEXTS } from "/v3/texts.js";
import { COUNTRIES } from "/v3/countries.js";

const MERCHANT = new URLSearchParams(window.location.search).get("origin");
const VARIABLES = {
  colorPrimary: "--primary", colorBackground: "--background", colorText: "--text", colorTextSecondary: "--muted",
  colorDanger: "--danger", borderRadius: "--radius", fontFamily: "--font", fontSizeBase: "--size",
};
const form = document.getElementById("fields");
const fields = ["number", "expiry", "cvc"].map((name) => document.getElementById(name));
const [number, expiry, cvc] = fields;
const country = document.getElementById("country");
const checks = {
  number: () => checkNumber(number.value),
  expiry: () => checkExpiry(expiry.value, new Date()),
  cvc: () => checkCvc(cvc.value, brandOf(number.value)),
};
let settings = { language: "en", scheme: "light dark", appearance: {}, options: {} };

const send = (action, payload = {}, id = 0) => window.parent.postMessage({ stripe: "element", action, payload, id }, MERCHANT);

// showing -------------------------------------------------------------------------------------------------------------

function translate() {
  const texts = TEXTS[settings.language];
  document.documentElement.lang = settings.language;
  document.title = texts.title;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = texts[node.dataset.text];
  for (const node of document.querySelectorAll("[data-placeholder]")) node.placeholder = texts[node.dataset.placeholder];
  const names = new Intl.DisplayNames([settings.language], { type: "region" });
  const chosen = country.value || settings.options.defaultValues?.billingDetails?.address?.country || texts.homeCountry;
  const entries = COUNTRIES.map((code) => [code, names.of(code)]).sort((a, b) => a[1].localeCompare(b[1], settings.language));
  country.replaceChildren(...entries.map(([code, name]) => new Option(name, code, false, code === chosen)));
}

function dress() {
  const { variables = {} } = settings.appearance;
  const root = document.documentElement.style;
  root.setProperty("color-scheme", settings.scheme);
  for (const [name, property] of Object.entries(VARIABLES)) {
    if (variables[name]) root.setProperty(property, variables[name]);
    else root.removeProperty(property);
  }
}

function hidesCountry() {
  const details = settings.options.fields?.billingDetails;
  return details === "never" || details?.address === "never" || details?.address?.country === "never";
}

function show(values) {
  settings = { ...settings, ...values };
  dress();
  translate();
  document.getElementById("country-field").hidden = hidesCountry();
  for (const field of [...fields, country]) field.disabled = settings.options.readOnly === true;
}

async function load() {
  if (!settings.clientSecret) return null;
  const id = settings.clientSecret.split("_secret_")[0];
  const kind = id.startsWith("pi_") ? "payment_intents" : "setup_intents";
  const query = new URLSearchParams({ client_secret: settings.clientSecret });
  return call("GET", `/${kind}/${id}?${query}`);
}

async function begin(values) {
  show(values);
  const intent = await load();
  if (intent?.error) {
    send("loaderror", { error: intent.error });
    return;
  }
  const isKept = intent && (intent.object === "setup_intent" || intent.setup_future_usage);
  const note = document.getElementById("mandate");
  note.hidden = !isKept || settings.options.terms?.card === "never";
  note.textContent = TEXTS[settings.language].mandate;
  send("ready");
}

// checking ------------------------------------------------------------------------------------------------------------

function mark(field, code) {
  document.getElementById(`${field.id}-error`).textContent = code ? MESSAGES[settings.language][code] : "";
  if (code) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

// the first trouble, with every field marked and the first one focused
function validate() {
  const found = fields.map((field) => [field, checks[field.id]()]).filter(([, code]) => code);
  for (const field of fields) mark(field, checks[field.id]());
  if (!found.length) return { selectedPaymentMethod: "card" };
  found[0][0].focus();
  const code = found[0][1];
  return { error: { type: "validation_error", code, message: MESSAGES[settings.language][code] } };
}

function tell() {
  const isEmpty = fields.every((field) => field.value === "");
  const isComplete = fields.every((field) => !checks[field.id]());
  send("change", { empty: isEmpty, complete: isComplete, collapsed: false, value: { type: "card" } });
}

// asking --------------------------------------------------------------------------------------------------------------

const encode = (params, parent = "") =>
  Object.entries(params).flatMap(([name, value]) => {
    const key = parent ? `${parent}[${name}]` : name;
    if (value === undefined || value === null) return [];
    return typeof value === "object" ? encode(value, key) : [[key, String(value)]];
  });

async function call(method, path, params) {
  const body = params && new URLSearchParams(encode(params));
  try {
    const answer = await fetch(`/v1${path}`, { method, body, headers: { Authorization: `Bearer ${settings.key}` } });
    return await answer.json();
  } catch {
    return { error: { type: "api_connection_error", message: MESSAGES[settings.language].connection } };
  }
}

function cardData(given = {}) {
  const [month, year] = expiry.value.split("/").map((part) => part.trim());
  const address = { ...given.billing_details?.address };
  if (!address.country) address.country = country.value;
  return {
    ...given,
    type: "card",
    billing_details: { ...given.billing_details, address },
    card: { number: digitsOf(number.value), exp_month: month, exp_year: year, cvc: cvc.value },
  };
}

async function confirm({ path, params }) {
  const trouble = validate();
  if (trouble.error) return trouble;
  for (const field of fields) field.disabled = true;
  const data = cardData(params.payment_method_data);
  const answer = await call("POST", path, path === "/payment_methods" ? data : { ...params, payment_method_data: data });
  for (const field of fields) field.disabled = false;
  return answer.error ? { error: explain(answer.error) } : answer;
}

function explain(error) {
  const own = MESSAGES[settings.language];
  return { ...error, message: own[error.decline_code] || own[error.code] || error.message };
}

// listening -----------------------------------------------------------------------------------------------------------

const actions = {
  init: begin,
  update: show,
  focus: () => number.focus(),
  blur: () => document.activeElement?.blur(),
  clear: () => { form.reset(); fields.forEach((field) => mark(field, null)); tell(); },
  validate,
  confirm,
};

window.addEventListener("message", async (event) => {
  if (event.source !== window.parent || event.origin !== MERCHANT || event.data?.stripe !== "element") return;
  const { action, payload, id } = event.data;
  if (!Object.hasOwn(actions, action)) return;
  const answer = await actions[action](payload);
  if (id) send("answer", answer, id);
});

number.addEventListener("input", () => {
  formatNumber(number);
  document.getElementById("brand").textContent = brandOf(number.value) || "";
  if (!checkNumber(number.value) && document.activeElement === number) expiry.focus();
});
expiry.addEventListener("input", () => {
  formatExpiry(expiry);
  if (!checkExpiry(expiry.value, new Date()) && document.activeElement === expiry) cvc.focus();
});
cvc.addEventListener("input", () => { cvc.value = digitsOf(cvc.value).slice(0, 4); });
for (const field of fields) {
  field.addEventListener("input", () => { mark(field, null); tell(); });
  field.addEventListener("change", () => { if (field.value) mark(field, checks[field.id]()); });
}
country.addEventListener("change", tell);
form.addEventListener("focusin", (event) => { if (!form.contains(event.relatedTarget)) send("focus"); });
form.addEventListener("focusout", (event) => { if (!form.contains(event.relatedTarget)) send("blur"); });
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter") { event.preventDefault(); send("enter"); }
  if (event.key === "Escape") send("escape");
});
form.addEventListener("submit", (event) => event.preventDefault());
new ResizeObserver(() => send("height", { height: Math.ceil(document.body.getBoundingClientRect().height) })).observe(document.body);
send("loaded");

// Stripe.js of the sandbox. It runs in the merchant's page, which never sees the card: the fields are in an iframe from
// this script's origin. Nothing here needs 'unsafe-inline': styles are set through the CSSOM only.
(() => {
  "use strict";

  const ORIGIN = new URL(document.currentScript.src).origin;
  const TEXTS = {
    en: { frame: "Secure payment input frame", bank: "Your bank's confirmation page" },
    it: { frame: "Riquadro sicuro per il pagamento", bank: "Pagina di conferma della tua banca" },
  };

  class IntegrationError extends Error {
    constructor(message) {
      super(message);
      this.name = "IntegrationError";
    }
  }

  const languageOf = (locale) => {
    const wanted = !locale || locale === "auto" ? navigator.language || "en" : locale;
    return wanted.toLowerCase().startsWith("it") ? "it" : "en";
  };

  const paint = (node, styles) => {
    for (const [name, value] of Object.entries(styles)) node.style.setProperty(name, value);
  };

  const encode = (params, parent = "") =>
    Object.entries(params)
      .filter(([, value]) => value !== undefined && value !== null)
      .flatMap(([name, value]) => {
        const key = parent ? `${parent}[${name}]` : name;
        return typeof value === "object" ? encode(value, key) : [`${encodeURIComponent(key)}=${encodeURIComponent(value)}`];
      });

  const trouble = (message) => ({ error: { type: "api_connection_error", message } });

  async function call(key, method, path, params = {}) {
    const form = encode(params).join("&");
    const isGet = method === "GET";
    try {
      const answer = await fetch(`${ORIGIN}/v1${path}${isGet && form ? `?${form}` : ""}`, {
        method,
        headers: { Authorization: `Bearer ${key}`, ...(isGet ? {} : { "Content-Type": "application/x-www-form-urlencoded" }) },
        body: isGet ? undefined : form,
        credentials: "omit",
      });
      return await answer.json();
    } catch {
      return trouble("We are experiencing issues connecting to our payments provider. Please check your internet connection and try again.");
    }
  }

  const intentOf = (secret) => {
    const match = /^((pi|seti)_[A-Za-z0-9]+)_secret_[A-Za-z0-9]+$/.exec(secret || "");
    if (!match) throw new IntegrationError("Invalid value for clientSecret: it should be a string of the form ${id}_secret_${secret}.");
    const isPayment = match[2] === "pi";
    return { id: match[1], path: isPayment ? "payment_intents" : "setup_intents", name: isPayment ? "paymentIntent" : "setupIntent" };
  };

  class Element {
    constructor(elements, options) {
      this.elements = elements;
      this.options = options;
      this.handlers = {};
      this.waiting = new Map();
      this.count = 0;
      for (const name of ["receive", "press", "release"]) this[name] = this[name].bind(this);
    }

    mount(target) {
      const place = typeof target === "string" ? document.querySelector(target) : target;
      if (!place) throw new IntegrationError(`The selector you specified (${target}) applies to no DOM elements that are currently on the page.`);
      this.unmount();
      const frame = document.createElement("iframe");
      frame.title = TEXTS[languageOf(this.elements.locale)].frame;
      frame.name = "__privateStripeFrame";
      frame.setAttribute("allow", "payment *");
      frame.setAttribute("scrolling", "no");
      // the frame is a little larger than its place, so that focus rings are whole and the fields still line up
      paint(frame, { border: "0", width: "calc(100% + 8px)", height: "16rem", display: "block", margin: "-4px", "color-scheme": this.scheme() });
      frame.src = `${ORIGIN}/v3/element?origin=${encodeURIComponent(window.location.origin)}`;
      this.frame = frame;
      this.height = null;
      this.isPressed = false;
      this.loaded = new Promise((resolve) => { this.resolveLoaded = resolve; });
      window.addEventListener("message", this.receive);
      window.addEventListener("pointerdown", this.press, true);
      for (const name of ["pointerup", "pointercancel"]) window.addEventListener(name, this.release, true);
      place.replaceChildren(frame);
      return this;
    }

    // by the theme, else by the page's own color-scheme when it names one, else as the user prefers; the frame is
    // transparent only while it and its element agree
    scheme() {
      const theme = this.elements.appearance.theme;
      if (theme) return theme === "night" ? "dark" : "light";
      const own = getComputedStyle(document.documentElement).colorScheme;
      return ["light", "dark"].includes(own) ? own : "light dark";
    }

    unmount() {
      if (!this.frame) return;
      window.removeEventListener("message", this.receive);
      window.removeEventListener("pointerdown", this.press, true);
      for (const name of ["pointerup", "pointercancel"]) window.removeEventListener(name, this.release, true);
      this.frame.remove();
      this.frame = null;
    }

    destroy() {
      this.unmount();
      this.elements.forget(this);
    }

    on(event, handler) {
      (this.handlers[event] ||= []).push(handler);
      return this;
    }

    once(event, handler) {
      const wrapper = (detail) => { this.off(event, wrapper); handler(detail); };
      return this.on(event, wrapper);
    }

    off(event, handler) {
      this.handlers[event] = handler ? (this.handlers[event] || []).filter((entry) => entry !== handler) : [];
      return this;
    }

    emit(event, detail = {}) {
      for (const handler of [...(this.handlers[event] || [])]) handler({ elementType: "payment", ...detail });
    }

    focus() { this.post("focus"); }
    blur() { this.post("blur"); }
    clear() { this.post("clear"); }
    collapse() {}

    update(options) {
      Object.assign(this.options, options);
      this.post("update", this.elements.settings(this));
    }

    post(action, payload = {}, id = 0) {
      if (this.frame) this.frame.contentWindow.postMessage({ stripe: "element", action, payload, id }, ORIGIN);
    }

    async request(action, payload) {
      if (!this.frame) throw new IntegrationError("This Element is not mounted: call element.mount() first.");
      await this.loaded;
      const id = ++this.count;
      const answer = new Promise((resolve) => { this.waiting.set(id, resolve); });
      this.post(action, payload, id);
      return answer;
    }

    // a button pressed in the page takes the focus from a field, whose error makes the form grow: a frame that grew
    // before the button is released would move it from under the pointer, and no click would come of it
    press() { this.isPressed = true; }
    release() {
      setTimeout(() => { this.isPressed = false; this.fit(); });
    }

    fit() {
      if (this.frame && !this.isPressed && this.height !== null) this.frame.style.setProperty("height", `${this.height}px`);
    }

    receive(event) {
      if (!this.frame || event.source !== this.frame.contentWindow || event.origin !== ORIGIN) return;
      const { stripe, action, payload, id } = event.data || {};
      if (stripe !== "element") return;
      if (action === "loaded") this.post("init", this.elements.settings(this));
      else if (action === "height") {
        this.height = Number(payload.height) || 0;
        this.fit();
      } else if (action === "enter") this.frame.closest("form")?.requestSubmit();
      else if (action === "answer") {
        this.waiting.get(id)?.(payload);
        this.waiting.delete(id);
      } else if (["ready", "change", "focus", "blur", "escape", "loaderror"].includes(action)) {
        if (action === "ready" || action === "loaderror") this.resolveLoaded();
        this.emit(action, payload);
      }
    }
  }

  class Elements {
    constructor(key, locale, options) {
      this.key = key;
      this.locale = options.locale || locale || "auto";
      this.appearance = options.appearance || {};
      this.clientSecret = options.clientSecret;
      this.deferred = options.mode ? { mode: options.mode, amount: options.amount, currency: options.currency } : null;
      if (this.clientSecret) intentOf(this.clientSecret);
      else if (!this.deferred) throw new IntegrationError("In order to create a payment element, you must pass a clientSecret or mode when creating the Elements group.");
      this.element = null;
    }

    create(type, options = {}) {
      if (type !== "payment") throw new IntegrationError(`The sandbox offers the payment element, not ${type}.`);
      if (this.element) throw new IntegrationError("Can only create one Element of type payment through create().");
      this.element = new Element(this, options);
      return this.element;
    }

    getElement(type) { return type === "payment" || type?.type === "payment" ? this.element : null; }
    forget() { this.element = null; }

    settings(element) {
      return {
        key: this.key,
        clientSecret: this.clientSecret,
        deferred: this.deferred,
        language: languageOf(this.locale),
        scheme: element.scheme(),
        appearance: this.appearance,
        options: JSON.parse(JSON.stringify(element.options)),
      };
    }

    update(options) {
      if (options.locale) this.locale = options.locale;
      if (options.appearance) this.appearance = options.appearance;
      if (this.deferred) Object.assign(this.deferred, options);
      if (!this.element) return;
      if (this.element.frame) this.element.frame.style.setProperty("color-scheme", this.element.scheme());
      this.element.post("update", this.settings(this.element));
    }

    async fetchUpdates() {
      if (!this.clientSecret) return {};
      const { id, path } = intentOf(this.clientSecret);
      const answer = await call(this.key, "GET", `/${path}/${id}`, { client_secret: this.clientSecret });
      return answer.error ? { error: answer.error } : {};
    }

    async submit() {
      if (!this.element) throw new IntegrationError("elements should have a mounted Payment Element.");
      return this.element.request("validate", {});
    }
  }

  // the bank's page over everything, in the browser's own modal layer: the page below cannot be reached meanwhile
  function openBank(address, language) {
    return new Promise((resolve) => {
      const dialog = document.createElement("dialog");
      const frame = document.createElement("iframe");
      const url = new URL(address);
      url.searchParams.set("origin", window.location.origin);
      url.searchParams.set("locale", language);
      dialog.setAttribute("aria-label", TEXTS[language].bank);
      paint(dialog, {
        position: "fixed", inset: "0", width: "100%", height: "100%", "max-width": "none", "max-height": "none",
        margin: "0", padding: "0", border: "0", background: "rgba(15, 23, 42, 0.6)", overflow: "hidden",
      });
      frame.title = TEXTS[language].bank;
      frame.name = "__stripe3dsFrame";
      paint(frame, { border: "0", width: "100%", height: "100%", display: "block" });
      frame.src = url.href;
      const receive = (event) => {
        if (event.source !== frame.contentWindow || event.origin !== ORIGIN || event.data?.stripe !== "bank") return;
        window.removeEventListener("message", receive);
        dialog.close();
        dialog.remove();
        resolve();
      };
      window.addEventListener("message", receive);
      dialog.addEventListener("cancel", (event) => event.preventDefault());
      dialog.append(frame);
      document.body.append(dialog);
      frame.addEventListener("load", () => frame.focus());
      dialog.showModal();
    });
  }

  class StripeObject {
    constructor(key, options) {
      this.key = key;
      this.locale = options.locale || "auto";
    }

    elements(options = {}) { return new Elements(this.key, this.locale, options); }

    async retrieve(secret) {
      const { id, path, name } = intentOf(secret);
      const answer = await call(this.key, "GET", `/${path}/${id}`, { client_secret: secret });
      return answer.error ? { error: answer.error } : { [name]: answer };
    }

    retrievePaymentIntent(secret) { return this.retrieve(secret); }
    retrieveSetupIntent(secret) { return this.retrieve(secret); }
    confirmPayment(options) { return this.confirm(options); }
    confirmSetup(options) { return this.confirm(options); }

    async confirm({ elements, clientSecret, confirmParams = {}, redirect = "always" }) {
      const secret = clientSecret || elements?.clientSecret;
      const { id, path, name } = intentOf(secret);
      if (redirect === "always" && !confirmParams.return_url) {
        throw new IntegrationError("stripe.confirmPayment(): the `confirmParams.return_url` parameter is required when `redirect` is not 'if_required'.");
      }
      const params = { ...confirmParams, return_url: confirmParams.return_url || window.location.href, client_secret: secret, use_stripe_sdk: true };
      const answer = elements
        ? await this.throughElement(elements, `/${path}/${id}/confirm`, params)
        : await call(this.key, "POST", `/${path}/${id}/confirm`, params);
      if (answer.error) return { error: answer.error };
      const result = await this.afterAction({ [name]: answer }, name, elements ? languageOf(elements.locale) : languageOf(this.locale));
      if (result.error || redirect === "if_required") return result;
      return this.leave(result[name], name, confirmParams.return_url);
    }

    throughElement(elements, path, params) {
      if (!elements.element) throw new IntegrationError("elements should have a mounted Payment Element.");
      return elements.element.request("confirm", { path, params });
    }

    async afterAction(result, name, language) {
      const intent = result[name];
      if (intent.status !== "requires_action") return result;
      const action = intent.next_action;
      if (action.type === "redirect_to_url") {
        window.location.assign(action.redirect_to_url.url);
        return new Promise(() => {});
      }
      await openBank(action.use_stripe_sdk.stripe_js, language);
      const after = await this.retrieve(intent.client_secret);
      const failure = after[name] && (after[name].last_payment_error || after[name].last_setup_error);
      if (after[name]?.status === "requires_payment_method" && failure) {
        const field = name === "paymentIntent" ? "payment_intent" : "setup_intent";
        return { error: { ...failure, [field]: after[name] } };
      }
      return after;
    }

    leave(intent, name, address) {
      const field = name === "paymentIntent" ? "payment_intent" : "setup_intent";
      const url = new URL(address);
      url.searchParams.set(field, intent.id);
      url.searchParams.set(`${field}_client_secret`, intent.client_secret);
      url.searchParams.set("redirect_status", intent.status === "requires_payment_method" ? "failed" : intent.status);
      window.location.assign(url.href);
      return new Promise(() => {});
    }

    async handleNextAction({ clientSecret }) {
      const result = await this.retrieve(clientSecret);
      if (result.error) return result;
      return this.afterAction(result, intentOf(clientSecret).name, languageOf(this.locale));
    }

    async createPaymentMethod({ elements, params = {} }) {
      const answer = await this.throughElement(elements, "/payment_methods", { payment_method_data: params });
      return answer.error ? { error: answer.error } : { paymentMethod: answer };
    }
  }

  window.Stripe = (key, options = {}) => {
    if (typeof key !== "string" || !key.startsWith("pk_")) {
      throw new IntegrationError("Please call Stripe() with your publishable key. You used an empty string or a secret key.");
    }
    return new StripeObject(key, options);
  };
  window.Stripe.version = "sandbox";
})();

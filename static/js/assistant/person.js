// The form that hands the conversation to a person, in the place of the log. Only guests are asked who they are.

import { filled, h } from "./dom.js";

export function createPerson({ panel, settings, handOff, isGuest }) {
  const { words } = settings;
  let box = null;
  let leave = null;
  let cameFrom = null;

  function field(name, label, control) {
    const error = h("p.field__error", { id: `assistant-${name}-error`, hidden: true });
    return h("div.field", { "data-field": name }, h("label", { for: `assistant-${name}` }, label), control, error);
  }

  function control(tag, name, props = {}) {
    const about = { id: `assistant-${name}`, name, "aria-describedby": `assistant-${name}-error` };
    return h(tag, { ...about, required: true, ...props });
  }

  function open() {
    if (box) return;
    cameFrom = panel.dialog.getRootNode().activeElement;
    const alert = h("div.alert.alert--stop", { role: "alert", hidden: true });
    const guest = isGuest() && [
      field("name", words.name, control("input", "name", { autocomplete: "name", maxlength: "120" })),
      field("email", words.email, control("input", "email", { type: "email", autocomplete: "email", maxlength: "254" })),
    ];
    const title = h("h3", { tabindex: "-1" }, words.person);
    const form = h(
      "form.form",
      { novalidate: true },
      ...(guest || []),
      field("text", words.message, control("textarea", "text", { rows: "4", maxlength: "5000" })),
      h(
        "p.chat__acts",
        {},
        h("button.btn", {}, words.sendToPerson),
        h("button.btn.btn--line", { type: "button", onclick: close }, words.cancel),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (isComplete(form)) send(form, alert);
    });
    const mail = h("a", { href: `mailto:${settings.support_email}` }, filled(words.writeMail, { email: settings.support_email }));
    box = h("section.chat__person", {}, title, h("p", {}, words.personLead), alert, form, h("p.chat__notice", {}, mail));
    setShown(true);
    title.focus();
  }

  function setShown(isShown) {
    leave?.();
    leave = isShown ? panel.layer(close) : null;
    panel.log.hidden = isShown;
    if (isShown) panel.log.after(box);
    panel.dialog.classList.toggle("chat--person", isShown);
  }

  function close() {
    setShown(false);
    box.remove();
    box = null;
    (cameFrom?.isConnected ? cameFrom : panel.person).focus();
  }

  function isComplete(form) {
    const wrong = [...form.elements].filter((element) => element.name && !element.validity.valid);
    for (const element of form.elements) if (element.name) mark(form, element.name, wrong.includes(element) ? element.validationMessage || words.required : "");
    wrong[0]?.focus();
    return !wrong.length;
  }

  function mark(form, name, message) {
    const error = form.querySelector(`[data-field="${name}"] .field__error`);
    if (!error) return;
    error.textContent = message;
    error.hidden = !message;
    form.elements[name].setAttribute("aria-invalid", String(Boolean(message)));
  }

  async function send(form, alert) {
    const button = form.querySelector("button");
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    alert.hidden = true;
    try {
      done(await handOff(Object.fromEntries(new FormData(form))));
    } catch (error) {
      for (const { field: name, message } of error.errors || []) mark(form, name, message);
      alert.replaceChildren(h("p", {}, error.title || ""), h("p", {}, filled(words.personFailed, { email: settings.support_email })));
      alert.hidden = false;
    } finally {
      button.removeAttribute("aria-busy");
      button.disabled = false;
    }
  }

  function done({ number, link }) {
    const told = h("p", { tabindex: "-1" }, filled(words.personDone, { number }));
    const way = link && h("p", {}, h("a", { href: link, target: "_blank", rel: "noopener" }, words.personLink));
    box.replaceChildren(
      h("h3", {}, words.person),
      h("div.alert.alert--done", {}, told, way),
      h("p.chat__acts", {}, h("button.btn.btn--line", { type: "button", onclick: close }, words.back)),
    );
    told.focus(); // a screen reader says what takes the focus
  }

  return { open };
}

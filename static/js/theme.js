// The choice of theme takes effect at once and is remembered by the server; without script the form has a button.

async function save(form) {
  const theme = new FormData(form).get("theme");
  if (theme === "auto") {
    delete document.documentElement.dataset.theme;
  } else {
    document.documentElement.dataset.theme = theme;
  }
  // the answer is a redirect for browsers without script: there is nothing in it to follow
  await fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual" }).catch(() => {});
}

for (const form of document.querySelectorAll("[data-theme-form]")) {
  form.addEventListener("change", () => save(form));
}

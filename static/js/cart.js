// A changed quantity is sent at once; the button stays for those without script.

for (const form of document.querySelectorAll("[data-quantity]")) {
  form.querySelector("button").hidden = true;
  form.elements.quantity.addEventListener("change", () => {
    if (form.reportValidity()) {
      form.requestSubmit();
    }
  });
}

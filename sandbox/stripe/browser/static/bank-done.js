// The bank has answered: tell the merchant's page, whose origin the opener named.
window.parent.postMessage({ stripe: "bank" }, document.body.dataset.origin);

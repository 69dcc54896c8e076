// `autofocus` does not work in a frame of another origin, so the first button is focused here.
document.querySelector("[autofocus]").focus();

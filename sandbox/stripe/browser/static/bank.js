// Focused here: `autofocus` does not work in a frame of another origin, and the browser complains of it.
document.querySelector("[name=choice]").focus();

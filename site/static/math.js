// Shows the formulas of text and of cards. KaTeX's scripts are deferred like this one, so it waits.
const DELIMITERS = [
  { left: "$$", right: "$$", display: true },
  { left: "\\[", right: "\\]", display: true },
  { left: "\\(", right: "\\)", display: false },
  { left: "$", right: "$", display: false },
];
const IGNORED = ["script", "noscript", "style", "textarea", "pre", "code", "option", "canvas"];

// Exercises call it when they answer. Formulas computed by the notebooks may hold letters such as σ as they are.
globalThis.typeset = (element) =>
  renderMathInElement(element, {
    delimiters: DELIMITERS,
    ignoredTags: IGNORED,
    throwOnError: false,
    strict: false,
  });

addEventListener("DOMContentLoaded", () => typeset(document.body));

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

// A formula or a table wider than its place scrolls; the keyboard must reach it to scroll it.
function makeReachable() {
  for (const wide of document.querySelectorAll(".katex-display, .pst-scrollable-table-container"))
    if (wide.scrollWidth > wide.clientWidth) wide.tabIndex = 0;
    else wide.removeAttribute("tabindex");
}

// A part at a time, so that the pictures, which are ready earlier, need not wait for the last formula.
addEventListener("DOMContentLoaded", async () => {
  const text = ".bd-article section > :not(section)";
  const around = ".bd-header, .bd-sidebar-primary, .bd-sidebar-secondary, .prev-next-footer";
  for (const part of document.querySelectorAll(`${text}, ${around}`)) {
    typeset(part);
    await new Promise((resume) => setTimeout(resume));
  }
  makeReachable();
  addEventListener("resize", makeReachable);
  document.documentElement.dataset.typeset = "true";
});

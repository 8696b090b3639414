// Makes a table of plain HTML sortable by its headings and filterable by words.
(() => {
  const ID = "@id@";

  // A cell's number, or undefined: 0.25, 1/4, −∞; a dash has none and goes last.
  function number(text) {
    const plain = text.replaceAll("−", "-").replace("∞", "Infinity");
    const [top, bottom = "1"] = plain.split("/");
    const value = plain.trim() === "" ? NaN : Number(top) / Number(bottom);
    return Number.isNaN(value) ? undefined : value;
  }

  function compare(a, b) {
    const [x, y] = [number(a), number(b)];
    if (x !== undefined && y !== undefined) return x === y ? 0 : x < y ? -1 : 1;
    if (x !== undefined || y !== undefined) return x !== undefined ? -1 : 1;
    return a.localeCompare(b, "en", { numeric: true });
  }

  for (const root of document.querySelectorAll(`[id="${ID}"]:not([data-ready])`)) {
    root.dataset.ready = "true";
    const body = root.querySelector("tbody");
    const rows = [...body.rows];
    const headings = [...root.querySelectorAll("thead th")];
    const filter = root.querySelector("input");
    const count = root.querySelector("[role=status]");

    headings.forEach((heading, column) =>
      heading.querySelector("button").addEventListener("click", () => {
        const down = heading.getAttribute("aria-sort") === "ascending";
        for (const one of headings) one.removeAttribute("aria-sort");
        heading.setAttribute("aria-sort", down ? "descending" : "ascending");
        const sign = down ? -1 : 1;
        rows.sort((a, b) => sign * compare(a.cells[column].textContent, b.cells[column].textContent));
        body.append(...rows);
      }),
    );

    filter.addEventListener("input", () => {
      const words = filter.value.toLowerCase().replaceAll("-", "−").split(/\s+/).filter(Boolean);
      for (const row of rows) {
        const text = row.textContent.toLowerCase().replaceAll("-", "−");
        row.hidden = !words.every((word) => text.includes(word));
      }
      count.textContent = `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows`;
    });
    root.querySelector("[data-tools]").hidden = false;
  }
})();

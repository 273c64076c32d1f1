// Elements out of data. Texts only ever become text nodes, never markup.

export const $ = (id) => document.getElementById(id);

/** An element with properties and children; children are elements or strings. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key in made) made[key] = value;
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}

/** Say a sentence in a place that is read aloud; nothing hides the place where it can be hidden. */
export function say(place, text = "") {
  place.textContent = text;
  if (place.classList.contains("problem")) place.hidden = !text;
}

export const percent = (share) => `${(100 * share).toFixed(1)} %`;
export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

/** A row of bars: name, bar, figure. The figure says what the bar shows. */
export function bars(entries) {
  return entries.map(({ name, share, figure }) =>
    element(
      "div",
      { className: "bar", role: "listitem" },
      element("span", {}, name),
      element("progress", { max: 1, value: share, "aria-hidden": "true" }),
      element("span", { className: "figure" }, figure),
    ),
  );
}

/** A table with headings that name rows and columns. Cells are strings or elements. */
export function fillTable(table, { caption, head, rows }) {
  table.replaceChildren(
    element("caption", {}, caption),
    element(
      "thead",
      {},
      element("tr", {}, ...head.map((cell) => element("th", { scope: "col" }, cell))),
    ),
    element(
      "tbody",
      {},
      ...rows.map(([first, ...cells]) =>
        element(
          "tr",
          {},
          element("th", { scope: "row" }, first),
          ...cells.map((cell) => element("td", {}, cell)),
        ),
      ),
    ),
  );
  return table;
}

/** A table that may be wider than the page, which then scrolls by itself. */
export const scrolling = (label, table) =>
  element("div", { className: "scroll", role: "region", "aria-label": label, tabIndex: 0 }, table);

/** Ask before something is done; true where the person says `yes`. */
export function confirmed(title, text, yes) {
  const dialog = $("confirm");
  $("confirm-title").textContent = title;
  $("confirm-text").textContent = text;
  $("confirm-yes").textContent = yes;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

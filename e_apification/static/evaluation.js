// How right the model is on labeled rows: figures, a row for each label, the confusion.

import { element, fillTable, percent, scrolling } from "./dom.js";

const SHADES = 4;
const score = (value) => value.toFixed(3);

export function showEvaluation(place, found) {
  place.replaceChildren(
    element("h2", {}, "How right the model is on this file"),
    figures(found),
    element("h3", {}, "Label by label"),
    scrolling("Label by label", perLabel(found.labels)),
    element("h3", {}, "What is taken for what"),
    scrolling("What is taken for what", confusion(found.confusion)),
  );
  place.hidden = false;
}

function figures(found) {
  const [low, high] = found.macro_f1_interval;
  const leftOut = Object.entries(found.rows.left_out).map(
    ([reason, rows]) => `${rows} with ${reason}`,
  );
  const entries = [
    ["Accuracy", percent(found.accuracy)],
    ["Macro-F1", `${score(found.macro_f1)} (95 %: ${score(low)} to ${score(high)})`],
    ["Calibration error", score(found.calibration_error)],
    ["Sure of", percent(found.coverage)],
    [
      "Accuracy where sure",
      found.covered_accuracy === null ? "none" : percent(found.covered_accuracy),
    ],
    [
      "Rows",
      `${found.rows.scored.toLocaleString("en")} scored` +
        (leftOut.length ? `; left out: ${leftOut.join(", ")}` : ""),
    ],
    ["End not read", `${found.truncated.toLocaleString("en")} rows`],
    ["Model", found.model_id],
  ];
  return element(
    "dl",
    { className: "figures" },
    ...entries.map(([name, value]) =>
      element("div", {}, element("dt", {}, name), element("dd", {}, value)),
    ),
  );
}

const perLabel = (labels) =>
  fillTable(element("table"), {
    caption: "Each label, by the file's labels",
    head: ["Label", "Precision", "Recall", "F1", "Rows"],
    rows: labels.map(({ label, precision, recall, f1, support }) => [
      label,
      ...[precision, recall, f1].map(score),
      support.toLocaleString("en"),
    ]),
  });

/** Rows are the file's labels, columns the model's; darker is more of its row. */
function confusion({ labels, counts }) {
  const table = fillTable(element("table", { className: "confusion" }), {
    caption: "The file's label down, the model's across",
    head: ["", ...labels],
    rows: labels.map((label, row) => [label, ...counts[row].map(String)]),
  });
  [...table.tBodies[0].rows].forEach((cells, row) => {
    const whole = counts[row].reduce((sum, number) => sum + number, 0);
    [...cells.cells].slice(1).forEach((cell, column) => {
      const shade = whole ? Math.ceil((SHADES * counts[row][column]) / whole) : 0;
      cell.className = `shade-${shade}${row === column ? " right" : ""}`;
    });
  });
  return table;
}

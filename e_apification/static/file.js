// A dropped file: choose its columns, then label its rows or evaluate the model on them.

import { call } from "./api.js";
import { $, bars, count, element, fillTable, percent, say } from "./dom.js";
import { unmarked, writeCsv } from "./csv.js";
import { showEvaluation } from "./evaluation.js";
import { labelTexts } from "./labeling.js";
import { joinTexts, scoredHeader, scoredRows } from "./scored.js";
import { readTable } from "./table.js";

const SHOWN_REJECTED = 50;
const SHOWN_CHARS = 200;
const TEXT_NAMES = ["text", "message", "tweet", "body", "content"];
const LABEL_NAMES = ["label", "category", "class"];

let table = null; // {form, columns, rows, rejected}
let results = []; // an answer or null for each row, from the first on
let name = "";
let stop = null;

/** Wire it up. `limits` gives the server's limits; `labeled` is told of texts with answers. */
export function startFile({ limits, labeled }) {
  const input = $("file-input");
  input.addEventListener("change", () => take(input.files[0], limits(), labeled));
  // On the whole page: a file that is dropped beside the frame would else be opened in its place.
  for (const type of ["dragover", "dragleave", "drop"]) {
    addEventListener(type, (event) => {
      event.preventDefault();
      $("drop").classList.toggle("over", type === "dragover");
    });
  }
  addEventListener("drop", (event) => {
    if ($("file").hidden || !event.dataTransfer.files.length) return;
    input.value = "";
    take(event.dataTransfer.files[0], limits(), labeled);
  });
  $("label-file").addEventListener("click", () =>
    run((signal) => labelAll(limits(), signal, labeled)),
  );
  $("evaluate-file").addEventListener("click", () => run((signal) => evaluate(limits(), signal)));
  for (const id of ["text-column", "label-column"]) $(id).addEventListener("change", showButtons);
  $("file-cancel").addEventListener("click", () => stop?.abort());
  $("download").addEventListener("click", download);
  $("rejected-download").addEventListener("click", downloadRejected);
}

async function take(file, limits, labeled) {
  if (!file) return;
  stop?.abort();
  const mine = new AbortController();
  [table, results, name, stop] = [null, [], file.name, mine];
  labeled([], []);
  for (const id of ["file-columns", "labeled", "evaluated"]) $(id).hidden = true;
  say($("file-problem"));
  say($("file-status"), "Reading the file …");
  try {
    const found = await read(file, limits, mine.signal);
    if (stop === mine) table = found;
  } catch (problem) {
    if (stop === mine) say($("file-problem"), `${file.name}: ${problem.message}`);
  }
  if (stop !== mine) return; // another file was chosen meanwhile
  say($("file-status"));
  if (table) showColumns();
}

async function read(file, { max_table_bytes: most }, signal) {
  if (file.size > most) {
    const megabytes = (most / 1e6).toLocaleString("en");
    throw new Error(`The file is larger than ${megabytes} MB: label it with make score.`);
  }
  let shown = 0;
  const progress = (rows) => {
    if (rows < shown + 20_000) return;
    shown = rows;
    say($("file-status"), `Reading the file … ${count(rows, "row")}`);
  };
  const found = await readTable(file, { signal, progress });
  if (found.rows.length) return found;
  const [first] = found.rejected;
  throw new Error(
    first
      ? `No record of it is a row; record ${first.number}: ${first.reason}.`
      : "The file needs a header line and at least one row.",
  );
}

function showColumns() {
  const { columns, rows, rejected, form } = table;
  $("text-column").replaceChildren(...columns.map(option));
  $("label-column").replaceChildren(
    element("option", { value: "" }, "none"),
    ...columns.map(option),
  );
  $("text-column").value = String(Math.max(0, place(columns, TEXT_NAMES)));
  const label = place(columns, LABEL_NAMES);
  $("label-column").value = label < 0 ? "" : String(label);
  const parts = [count(rows.length, "row"), form.described];
  if (rejected.length) parts.push(`${rejected.length.toLocaleString("en")} rejected`);
  say($("file-said"), `${name}: ${parts.join(", ")}.`);
  showRejected();
  $("file-columns").hidden = false;
  showButtons();
}

function showRejected() {
  const { rejected } = table;
  $("rejected").hidden = !rejected.length;
  $("rejected").open = false;
  const what = count(rejected.length, "record");
  const some = rejected.length > SHOWN_REJECTED ? `; the first ${SHOWN_REJECTED} are shown` : "";
  $("rejected-said").textContent = `${what} can't be read as a row${some}`;
  fillTable($("rejected-table"), {
    caption: "Records that can't be read, by their number after the header",
    head: ["Record", "Reason", "Text"],
    rows: rejected
      .slice(0, SHOWN_REJECTED)
      .map(({ number, reason, record }) => [
        number.toLocaleString("en"),
        reason,
        record.length > SHOWN_CHARS ? `${record.slice(0, SHOWN_CHARS).toWellFormed()} …` : record,
      ]),
  });
}

const option = (title, index) =>
  element("option", { value: String(index) }, title || `column ${index + 1}`);
const place = (header, names) =>
  header.findIndex((title) => names.includes(title.trim().toLowerCase()));
const chosenTexts = () =>
  joinTexts(
    table.rows,
    [...$("text-column").selectedOptions].map(({ value }) => Number(value)),
  ).map(unmarked);

function showButtons() {
  const none = !$("text-column").selectedOptions.length;
  $("label-file").disabled = none;
  $("evaluate-file").disabled = none || !$("label-column").value;
}

/** Do what takes long: one thing at a time, and it can be cancelled. */
async function run(work) {
  const buttons = [$("label-file"), $("evaluate-file")];
  stop = new AbortController();
  for (const button of buttons) button.disabled = true;
  $("file-cancel").hidden = false;
  say($("file-problem"));
  say($("file-status"));
  try {
    await work(stop.signal);
  } catch (problem) {
    if (problem.name === "AbortError") say($("file-status"), "Cancelled.");
    else say($("file-problem"), problem.message);
  } finally {
    for (const button of buttons) button.disabled = false;
    $("file-cancel").hidden = true;
    $("file-progress").hidden = true;
    showButtons();
  }
}

async function labelAll(limits, signal, labeled) {
  scoredHeader(table.columns); // a name that is taken is said before the work
  const [texts, mine] = [chosenTexts(), table];
  results = [];
  $("labeled").hidden = true;
  showProgress(0, texts.length);
  let ended = "Done:";
  try {
    for await (const { answers } of labelTexts(texts, limits, { signal })) {
      results.push(...answers);
      showProgress(results.length, texts.length);
    }
  } catch (problem) {
    if (problem.name !== "AbortError") say($("file-problem"), problem.message);
    ended = "Stopped:";
  }
  if (table !== mine) return; // another file was chosen meanwhile
  say(
    $("file-status"),
    `${ended} ${results.length.toLocaleString("en")} of ${count(texts.length, "row")} labeled.`,
  );
  if (results.length) showMix();
  labeled(texts.slice(0, results.length), results);
}

function showProgress(done, all) {
  $("file-progress").hidden = false;
  $("file-bar").removeAttribute("value");
  if (all) $("file-bar").value = done / all;
  $("file-progress-said").textContent = all
    ? `${done.toLocaleString("en")} of ${count(all, "row")}`
    : "The server is scoring …";
}

function showMix() {
  const times = new Map();
  for (const answer of results) {
    const label = answer?.readable ? (answer.label ?? "not sure") : "no text";
    times.set(label, (times.get(label) ?? 0) + 1);
  }
  const ranked = [...times].sort((a, b) => b[1] - a[1]);
  const share = (number) => number / results.length;
  $("label-mix").replaceChildren(
    ...bars(
      ranked.map(([title, number]) => ({
        name: title,
        share: share(number),
        figure: `${number.toLocaleString("en")} · ${percent(share(number))}`,
      })),
    ),
  );
  const models = new Set(results.filter(Boolean).map((answer) => answer.model_id));
  const truncated = results.filter((answer) => answer?.readable && answer.truncated).length;
  const notes = [];
  if (truncated) notes.push(`Of ${count(truncated, "message")} the end was not read.`);
  if (models.size > 1)
    notes.push("Another model began to serve meanwhile: label again to have one for all rows.");
  $("labeled-notes").textContent = notes.join(" ");
  $("labeled").hidden = false;
}

/** Save the rows that are labeled, with what was found beside what they held. */
function download() {
  const { columns, rows, form } = table;
  const { delimiter, bom } = form;
  const csv = writeCsv([scoredHeader(columns), ...scoredRows(columns, rows, results)], {
    delimiter: delimiter ?? ",",
    bom,
  });
  save(csv, "labeled");
}

function downloadRejected() {
  const rows = table.rejected.map(({ number, reason, record }) => [String(number), reason, record]);
  save(writeCsv([["source_row", "reason", "record"], ...rows]), "rejected");
}

function save(csv, what) {
  const link = element("a", {
    href: URL.createObjectURL(new Blob([csv], { type: "text/csv" })),
    download: `${name.replace(/\.[^.]*$/, "")}_${what}.csv`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function evaluate(limits, signal) {
  $("evaluated").hidden = true;
  const body = writeCsv([["text", "label"], ...pairs()], { guard: false });
  if (new Blob([body]).size > limits.max_file_bytes) {
    throw new Error(
      `The server evaluates files of up to ${(limits.max_file_bytes / 1e6).toLocaleString("en")} MB; send fewer rows.`,
    );
  }
  showProgress(0, 0);
  const found = await call("evaluate", { body, type: "text/csv", signal, patient: true });
  showEvaluation($("evaluated"), found);
  say($("file-status"), "The model is evaluated.");
}

function pairs() {
  const place = Number($("label-column").value);
  return chosenTexts().map((text, index) => [text, table.rows[index][place]]);
}

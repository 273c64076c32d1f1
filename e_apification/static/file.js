// A dropped file: choose its columns, then label its rows or evaluate the model on them.

import { call } from "./api.js";
import { $, bars, count, element, percent, say } from "./dom.js";
import { CsvProblem, harmless, readCsv, writeCsv } from "./csv.js";
import { showEvaluation } from "./evaluation.js";
import { labelTexts } from "./labeling.js";

const MOST_BYTES = 100_000_000; // a browser holds it several times over
const ADDED = ["label", "confidence", "abstained", "truncated", "model_id"];
const TEXT_NAMES = ["text", "message", "tweet", "body", "content"];
const LABEL_NAMES = ["label", "category", "class"];

let table = null; // {header, rows, delimiter} of a CSV
let archive = null; // or a ZIP, which the server opens
let results = []; // an answer or null for each row, from the first on
let name = "";
let stop = null;

/** Wire it up. `limits` gives the server's limits; `labeled` is told of texts with answers. */
export function startFile({ limits, labeled }) {
  const input = $("file-input");
  input.addEventListener("change", () => take(input.files[0], labeled));
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
    take(event.dataTransfer.files[0], labeled);
  });
  $("label-file").addEventListener("click", () =>
    run((signal) => labelAll(limits(), signal, labeled)),
  );
  $("evaluate-file").addEventListener("click", () => run((signal) => evaluate(limits(), signal)));
  $("label-column").addEventListener("change", showButtons);
  $("file-cancel").addEventListener("click", () => stop?.abort());
  $("download").addEventListener("click", download);
}

async function take(file, labeled) {
  if (!file) return;
  stop?.abort();
  [table, archive, results, name] = [null, null, [], file.name];
  labeled([], []);
  for (const id of ["file-columns", "labeled", "evaluated"]) $(id).hidden = true;
  say($("file-problem"));
  say($("file-status"));
  try {
    if (file.size > MOST_BYTES) {
      throw new CsvProblem(
        "The file is larger than 100 MB: label it with python -m e_apification score.",
      );
    }
    if (/\.zip$/i.test(file.name)) archive = file;
    else table = readCsv(await file.arrayBuffer());
  } catch (problem) {
    if (!(problem instanceof CsvProblem)) throw problem;
    say($("file-problem"), `${file.name}: ${problem.message}`);
    return;
  }
  showColumns();
}

function showColumns() {
  const header = table?.header ?? [];
  $("text-column").replaceChildren(...header.map(option));
  $("label-column").replaceChildren(
    element("option", { value: "" }, "none"),
    ...header.map(option),
  );
  $("text-column").value = String(Math.max(0, place(header, TEXT_NAMES)));
  const label = place(header, LABEL_NAMES);
  $("label-column").value = label < 0 ? "" : String(label);
  for (const id of ["text-column-field", "label-column-field", "label-file"]) $(id).hidden = !table;
  const what = table
    ? `${count(table.rows.length, "row")}.`
    : "a ZIP, of which the server reads the one CSV in it.";
  say($("file-said"), `${name}: ${what}`);
  $("file-columns").hidden = false;
  showButtons();
}

const option = (title, index) =>
  element("option", { value: String(index) }, title || `column ${index + 1}`);
const place = (header, names) =>
  header.findIndex((title) => names.includes(title.trim().toLowerCase()));
const column = (id) => {
  const index = Number($(id).value);
  return table.rows.map((fields) => fields[index]);
};

function showButtons() {
  $("evaluate-file").disabled = Boolean(table) && !$("label-column").value;
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
  const [texts, mine] = [column("text-column"), table];
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
    const label = answer ? (answer.label ?? "not sure") : "no text";
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
  const truncated = results.filter((answer) => answer?.truncated).length;
  const notes = [];
  if (truncated) notes.push(`Of ${count(truncated, "message")} the end was not read.`);
  if (models.size > 1)
    notes.push("Another model began to serve meanwhile: label again to have one for all rows.");
  $("labeled-notes").textContent = notes.join(" ");
  $("labeled").hidden = false;
}

/** Save the rows that are labeled, with what was found beside what they held. */
function download() {
  const taken = new Set(table.header.map((title) => title.toLowerCase()));
  const added = ADDED.map((title) => (taken.has(title) ? `predicted_${title}` : title));
  const rows = results.map((answer, index) =>
    [...table.rows[index], ...answerCells(answer)].map(harmless),
  );
  const csv = writeCsv([[...table.header.map(harmless), ...added], ...rows], table.delimiter);
  const link = element("a", {
    href: URL.createObjectURL(new Blob([csv], { type: "text/csv" })),
    download: `${name.replace(/\.[^.]*$/, "")}_labeled.csv`,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

function answerCells(answer) {
  if (!answer) return ["", "", "", "", ""];
  const { label, confidence, abstained, truncated, model_id } = answer;
  return [label ?? "", confidence.toFixed(4), String(abstained), String(truncated), model_id];
}

async function evaluate(limits, signal) {
  $("evaluated").hidden = true;
  const body = archive ?? writeCsv([["text", "label"], ...pairs()]);
  const size = archive ? archive.size : new Blob([body]).size;
  if (size > limits.max_file_bytes) {
    throw new CsvProblem(
      `The server evaluates files of up to ${(limits.max_file_bytes / 1e6).toLocaleString("en")} MB; send fewer rows.`,
    );
  }
  showProgress(0, 0);
  const type = archive ? "application/zip" : "text/csv";
  showEvaluation($("evaluated"), await call("evaluate", { body, type, signal, patient: true }));
  say($("file-status"), "The model is evaluated.");
}

function pairs() {
  const labels = column("label-column");
  return column("text-column").map((text, index) => [text, labels[index]]);
}

// The messages of the file that the model is least sure of, labeled by one key each.

import { $, count, element, percent, say } from "./dom.js";
import { askForKey, hasKeyFor } from "./key.js";
import { cut } from "./labeling.js";
import { Outbox } from "./outbox.js";

const KEYS = 9;
const FIELDS = "input:not([type=checkbox]), select, textarea";
const outbox = new Outbox();
let queue = []; // {text, answer}, the least certain first
let labels = []; // {name, description}, in the schema's order
let steps = []; // what was done to queue[0], queue[1], …: {row} of a label, {} of a skip
let limits = null;
let sending = false;

/** Wire it up; `server` gives the server's limits. */
export function startReview({ server }) {
  limits = server;
  $("review-skip").addEventListener("click", () => skip());
  $("review-undo").addEventListener("click", () => undo());
  $("review-send").addEventListener("click", () => send());
  addEventListener("keydown", onKey);
  addEventListener("beforeunload", (event) => {
    if (outbox.size) event.preventDefault(); // the browser asks whether to leave
  });
}

/** Take the texts of a file with their answers; equal texts once. */
export function fillReview(texts, answers, schema) {
  labels = schema;
  const seen = new Set();
  queue = [];
  answers.forEach((answer, row) => {
    const plain = texts[row]
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
      .trim();
    if (!answer || seen.has(plain)) return;
    seen.add(plain);
    queue.push({ text: cut(texts[row], limits()), answer });
  });
  queue.sort((a, b) => a.answer.confidence - b.answer.confidence);
  steps = [];
  $("review-labels").replaceChildren(...labels.map((_, index) => labelButton(index)));
  show();
}

/** A button of the group; its label is set anew for each message. */
function labelButton(index) {
  const button = element("button", { type: "button", className: "plain" });
  if (index < KEYS) button.setAttribute("aria-keyshortcuts", String(index + 1));
  button.addEventListener("click", () => decide(button.dataset.label));
  return button;
}

function nameChoices(item) {
  const best = item && bestOf(item.answer.scores)[0];
  const order = ranked(item);
  [...$("review-labels").children].forEach((button, index) => {
    const { name, description } = order[index];
    const key = index < KEYS ? [element("kbd", {}, String(index + 1)), " "] : [];
    button.replaceChildren(...key, name);
    button.title = description;
    button.dataset.label = name;
    button.disabled = !item;
    button.classList.toggle("guess", name === best);
  });
}

/** The schema's order, which fingers learn; where keys don't reach all labels, the best first. */
function ranked(item) {
  if (!item || labels.length <= KEYS) return labels;
  const { scores } = item.answer;
  return [...labels].sort((a, b) => (scores[b.name] ?? 0) - (scores[a.name] ?? 0));
}

function show() {
  const item = queue[steps.length];
  const over = queue.length > 0 && !item;
  $("review-empty").hidden = queue.length > 0 || outbox.size > 0;
  $("review-box").hidden = !queue.length && !outbox.size;
  $("review-place").textContent = item
    ? `${(steps.length + 1).toLocaleString("en")} of ${queue.length.toLocaleString("en")}, the least certain first`
    : "";
  $("review-text").textContent = item?.text ?? (over ? "That was the last one." : "");
  $("review-guess").textContent = item ? guess(item.answer) : "";
  nameChoices(item);
  $("review-skip").disabled = !item;
  $("review-undo").disabled = !steps.length;
  showPending();
}

function showPending() {
  const size = outbox.size;
  $("review-send").disabled = !size || sending;
  $("review-send").textContent = size ? `Send ${count(size, "label")}` : "Send";
  $("review-pending").textContent = size
    ? "They are in this tab only, until they are sent."
    : "Labels wait here until you send them.";
  $("review-count").textContent = size ? ` (${size})` : "";
}

const bestOf = (scores) => Object.entries(scores).sort((a, b) => b[1] - a[1])[0];

function guess({ scores, abstained }) {
  const [name, share] = bestOf(scores);
  return `The model's guess: ${name}, ${percent(share)}${abstained ? ", too little to say so" : ""}.`;
}

function decide(label) {
  const item = queue[steps.length];
  if (!item) return;
  const row = { text: item.text, label };
  outbox.add(row);
  steps.push({ row });
  say($("review-status"), `Labeled: ${label}.`);
  show();
}

function skip() {
  if (!queue[steps.length]) return;
  steps.push({});
  say($("review-status"), "Skipped.");
  show();
}

function undo() {
  const step = steps.pop();
  if (!step) return;
  const late = step.row && !outbox.takeBack(step.row);
  say(
    $("review-status"),
    late
      ? "That label was sent already; label the message again, the last label holds."
      : "Undone.",
  );
  show();
}

function onKey(event) {
  const idle =
    $("review").hidden ||
    !$("review-keys").checked ||
    event.ctrlKey ||
    event.metaKey ||
    event.altKey;
  if (idle || event.repeat || event.target.closest?.(FIELDS) || $("confirm").open) return;
  const button = $("review-labels").children[Number(event.key) - 1];
  if (/^[1-9]$/.test(event.key) && button) button.click();
  else if (event.key === "s") skip();
  else if (event.key === "u") undo();
  else return;
  event.preventDefault();
}

async function send() {
  if (!hasKeyFor("Sending labels", $("review-problem"))) return;
  sending = true;
  showPending();
  say($("review-status"), "Sending …");
  try {
    const { kept, refused } = await outbox.send(limits());
    say($("review-status"), `${count(kept, "label")} kept for the next training.`);
    if (refused.length) say($("review-problem"), problemOf(refused));
  } catch (problem) {
    say($("review-status"));
    say($("review-problem"), problem.message);
    if (problem.status === 401) askForKey();
  } finally {
    sending = false;
    show();
  }
}

const problemOf = (refused) =>
  `The server would not have ${count(refused.length, "label")}: ` +
  refused
    .map(({ text, problem }) => `“${text.length > 60 ? `${text.slice(0, 60)}…` : text}” ${problem}`)
    .join("; ");

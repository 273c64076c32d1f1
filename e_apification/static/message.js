// One message: its labels as bars, and the words that made them.

import { callJson } from "./api.js";
import { $, bars, element, percent, say } from "./dom.js";

const LEVELS = [0.2, 0.05, 0.01]; // a word's weight from which it is marked strongly, or less so
const MOST_LISTED = 5;
let asked = 0; // an answer that comes after a later question is dropped

export function startMessage() {
  $("message-form").addEventListener("submit", (event) => {
    event.preventDefault();
    classify($("text").value);
  });
  $("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey))
      $("message-form").requestSubmit();
  });
}

async function classify(text) {
  const mine = (asked += 1);
  $("classify").disabled = true;
  say($("message-problem"));
  try {
    const answer = await callJson("predict", { text });
    if (mine !== asked) return;
    showAnswer(answer);
    $("words").replaceChildren(
      element("p", { className: "soft" }, "Looking for the words that made it …"),
    );
    explain(text, mine);
  } catch (problem) {
    $("message-answer").hidden = true;
    say($("message-problem"), problem.message);
  } finally {
    $("classify").disabled = false;
  }
}

function showAnswer({ label, confidence, scores, abstained, truncated }) {
  const notes = [];
  if (abstained)
    notes.push("The model is not sure enough to name a label; the longest bar is its best guess.");
  if (truncated) notes.push("The message is longer than the model reads: its end had no say.");
  $("verdict").textContent = `${abstained ? "Not sure" : label} · ${percent(confidence)}`;
  $("verdict-notes").textContent = notes.join(" ");
  $("verdict-notes").hidden = !notes.length;
  const ranked = Object.entries(scores).sort((a, b) => b[1] - a[1]);
  $("scores").replaceChildren(
    ...bars(ranked.map(([name, share]) => ({ name, share, figure: percent(share) }))),
  );
  $("message-answer").hidden = false;
}

async function explain(text, mine) {
  let shown;
  try {
    shown = words(text, await callJson("explain", { text }));
  } catch (problem) {
    shown = [element("p", { className: "soft" }, `The words are not known: ${problem.message}`)];
  }
  if (mine === asked) $("words").replaceChildren(...shown);
}

/** The message with its words marked, and the strongest of them with figures. */
function words(text, { label, words: found, untested_words: untested }) {
  const symbols = [...text]; // places count characters as Python does, not UTF-16 units
  const marked = element("p", { className: "marked" });
  let at = 0;
  for (const { start, end, weight } of found) {
    marked.append(
      symbols.slice(at, start).join(""),
      mark(symbols.slice(start, end).join(""), weight),
    );
    at = end;
  }
  marked.append(symbols.slice(at).join(""));
  const strongest = found
    .filter(({ weight }) => level(weight))
    .sort((a, b) => Math.abs(b.weight) - Math.abs(a.weight))
    .slice(0, MOST_LISTED);
  const parts = [element("h3", {}, `The words behind “${label}”`), marked];
  if (strongest.length) {
    parts.push(element("ul", { className: "weights" }, ...strongest.map(listed)));
  } else {
    parts.push(
      element("p", {}, "No single word made it: without any one of them the score stays."),
    );
  }
  const rest = untested ? ` The last ${untested} words of the long message were not tried.` : "";
  parts.push(
    element(
      "p",
      { className: "soft" },
      `Each word is left out in turn: underlined ones speak for the label, dotted ones against it.${rest}`,
    ),
  );
  return parts;
}

function listed({ word, weight }) {
  const points = `${weight > 0 ? "+" : "−"}${Math.abs(100 * weight).toFixed(1)}`;
  const side = weight > 0 ? "for" : "against";
  return element("li", {}, element("b", {}, word), ` ${points} points ${side} it`);
}

function mark(word, weight) {
  const strength = level(weight);
  if (!strength) return word;
  return element("mark", { className: `${weight > 0 ? "for" : "against"}-${strength}` }, word);
}

/** 3 strong, 2, 1 weak, 0 not worth marking. */
function level(weight) {
  const place = LEVELS.findIndex((least) => Math.abs(weight) >= least);
  return place < 0 ? 0 : LEVELS.length - place;
}

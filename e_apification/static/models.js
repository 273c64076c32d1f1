// The models with their scores, and which of them serves.

import { call } from "./api.js";
import { $, confirmed, element, fillTable, say, scrolling } from "./dom.js";
import { askForKey, hasKeyFor } from "./key.js";

const SCORES = {
  macro_f1_held_out: "Macro-F1",
  teacher_agreement: "Agrees with teacher",
  int8_agreement: "INT8 agrees",
};
const DATE = { dateStyle: "medium", timeStyle: "short" };
const OVERRULABLE = ["refused_by_gate", "not_judged"];
let changed = () => {};

/** Wire it up; `moved` is called when another model serves. */
export function startModels({ moved }) {
  changed = moved;
  $("rollback").addEventListener("click", rollBack);
  $("models-refresh").addEventListener("click", () => {
    say($("models-status"));
    showModels();
  });
}

export async function showModels() {
  say($("models-problem"));
  try {
    const { experiments } = await call("experiments");
    fillTable($("models-table"), {
      caption: "The newest first",
      head: ["Model", "Serves", "Made", ...Object.values(SCORES), "The gate", "Do"],
      rows: experiments.map(row),
    });
  } catch (problem) {
    say($("models-problem"), problem.message);
  }
}

function row({ model_id: id, created_at: made, scores, verdict, production, serves = production }) {
  const numbers = Object.keys(SCORES).map((name) =>
    name in scores ? scores[name].toFixed(3) : "–",
  );
  const deploy = button("Deploy", id, () => deployModel(id));
  deploy.disabled = production;
  return [
    element("code", {}, id),
    element("b", {}, serving({ production, serves })),
    element("time", { dateTime: made }, new Date(made).toLocaleString(undefined, DATE)),
    ...numbers,
    judged(verdict),
    element(
      "span",
      { className: "buttons" },
      button("Figures", id, () => showFigures(id)),
      deploy,
    ),
  ];
}

const button = (text, id, action) => {
  const made = element(
    "button",
    { type: "button", className: "plain", "aria-label": `${text}: ${id}` },
    text,
  );
  made.addEventListener("click", action);
  return made;
};

/** The two differ while a server process follows, or where it cannot load what is to serve. */
function serving({ production, serves }) {
  if (production) return serves ? "serves" : "is to serve";
  return serves ? "still answers" : "";
}

function judged(verdict) {
  if (!verdict) return "not judged";
  return verdict.promote ? "passed" : `refused: ${verdict.reasons.join("; ")}`;
}

async function showFigures(id) {
  const place = $("figures");
  try {
    const found = await call(`metrics/${encodeURIComponent(id)}`);
    const table = fillTable(element("table"), {
      caption: "As training measured them",
      head: ["Figure", "Value"],
      rows: flat(found),
    });
    place.replaceChildren(
      element("h2", { tabIndex: -1 }, "Figures of ", element("code", {}, id)),
      scrolling("Figures", table),
    );
    place.hidden = false;
    place.querySelector("h2").focus();
  } catch (problem) {
    say($("models-problem"), problem.message);
  }
}

/** Nested figures as rows of a dotted name and a value. */
function flat(value, name = "") {
  if (value !== null && typeof value === "object" && Object.keys(value).length) {
    return Object.entries(value).flatMap(([key, inner]) =>
      flat(inner, name ? `${name}.${key}` : key),
    );
  }
  const shown =
    typeof value === "number" && !Number.isInteger(value)
      ? String(Number(value.toPrecision(4)))
      : value;
  return [[name, typeof shown === "string" ? shown : JSON.stringify(shown)]];
}

async function deployModel(id) {
  if (
    !mayChange() ||
    !(await confirmed("Deploy this model?", `Model ${id} then serves every request.`, "Deploy"))
  )
    return;
  const problem = await move(`deploy/${encodeURIComponent(id)}`);
  if (!OVERRULABLE.includes(problem?.code)) return;
  if (
    await confirmed(
      "Deploy it all the same?",
      `${problem.message}. Overruling the gate is written down.`,
      "Overrule",
    )
  ) {
    await move(`deploy/${encodeURIComponent(id)}?force=true`);
  }
}

async function rollBack() {
  if (!mayChange()) return;
  if (
    await confirmed(
      "Roll back?",
      "The model that served before this one serves again.",
      "Roll back",
    )
  )
    await move("rollback");
}

const mayChange = () => hasKeyFor("Changing which model serves", $("models-problem"));

/** Ask for a move and say what came of it; the problem, if there was one. */
async function move(path) {
  say($("models-problem"));
  say($("models-status"), "The model is loaded and tried …");
  try {
    const { model_id: served, replaced } = await call(path, { method: "POST" });
    say(
      $("models-status"),
      served === replaced
        ? `Model ${served} served already.`
        : `Model ${served} serves now, in the place of ${replaced}.`,
    );
    changed();
    await showModels();
    return null;
  } catch (problem) {
    const unable = problem.code === "not_found" || problem.status === 405; // no such route
    say($("models-status"));
    say(
      $("models-problem"),
      unable
        ? "This server cannot do that: change the model on its command line."
        : problem.message,
    );
    if (problem.status === 401) askForKey();
    return problem;
  }
}

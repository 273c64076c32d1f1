// A training on all labels that people gave: asked for, and followed until it ends.

import { call } from "./api.js";
import { $, confirmed, say } from "./dom.js";
import { askForKey, hasKeyFor } from "./key.js";

const LOOK_S = 2;
const OPEN = { queued: "is queued", running: "is running" };

/** Wire it up; `ended` is called when a training is over, which may have changed what serves. */
export function startTraining({ ended }) {
  $("retrain").addEventListener("click", async () => {
    const problem = $("training-problem");
    if (!hasKeyFor("Training a model", problem)) return;
    const agreed = await confirmed(
      "Train a new model?",
      "It learns from all labels that were sent. Where the gate lets it pass, it then serves every request.",
      "Train",
    );
    if (!agreed) return;
    $("retrain").disabled = true;
    try {
      await follow(await asked());
    } catch (refusal) {
      say($("training-status"));
      say(problem, refusal.message);
      if (refusal.status === 401) askForKey();
    } finally {
      $("retrain").disabled = false;
    }
    ended();
  });
}

/** The job that was queued, or the one that was open already. */
async function asked() {
  try {
    return await call("retrain", { method: "POST" });
  } catch (refusal) {
    if (refusal.code !== "job_open") throw refusal;
    const { problem } = refusal.details.find(({ field }) => field === "job");
    return call(`retrain/${Number.parseInt(problem, 10)}`);
  }
}

async function follow(job) {
  while (job.state in OPEN) {
    sayOnce($("training-status"), `Training ${job.job} ${OPEN[job.state]} …`);
    sayOnce($("training-problem"), job.warnings.join("; "));
    await new Promise((resolve) => setTimeout(resolve, 1000 * LOOK_S));
    job = await call(`retrain/${job.job}`);
  }
  say($("training-problem"));
  say($("training-status"), outcome(job));
}

/** What is there already is not read aloud again at each look. */
function sayOnce(place, text) {
  if (place.textContent !== text) say(place, text);
}

function outcome({ job, state, model_id: model, reasons }) {
  if (state === "succeeded") return `Training ${job} is done: model ${model} passed the gate.`;
  if (state === "refused")
    return `Training ${job} is done, and the gate refused model ${model}: ${reasons.join("; ")}.`;
  return `Training ${job} failed: ${reasons.join("; ")}.`;
}

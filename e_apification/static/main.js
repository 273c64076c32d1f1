// The page: which part is shown, what the server says of itself, and the parts wired together.

import { metadata } from "./api.js";
import { $, say } from "./dom.js";
import { startFile } from "./file.js";
import { startKey } from "./key.js";
import { startMessage } from "./message.js";
import { showModels, startModels } from "./models.js";
import { fillReview, startReview } from "./review.js";
import { startTraining } from "./training.js";

const PARTS = ["message", "file", "review", "models"];
// Until the server has said otherwise: what every server takes.
let server = {
  limits: {
    max_text_chars: 10_000,
    max_texts: 100,
    max_body_bytes: 1e6,
    max_file_bytes: 1e7,
    max_table_bytes: 1e7,
    max_feedback_rows: 1_000,
  },
  labels: [],
};
const limits = () => server.limits;

async function greet() {
  try {
    const { model, limits: published } = await metadata();
    server = { limits: published, labels: model.labels };
    $("model").textContent = `Model ${model.model_id}, ${model.labels.length} labels.`;
    say($("server-problem"));
  } catch (problem) {
    say(
      $("server-problem"),
      problem.status === 401
        ? "This server asks for an API key: type it in above."
        : problem.message,
    );
  }
}

function show({ focus }) {
  const asked = location.hash.slice(1);
  if (asked === "main") return;
  const chosen = PARTS.includes(asked) ? asked : PARTS[0];
  for (const part of PARTS) $(part).hidden = part !== chosen;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${chosen}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const title = $(`${chosen}-title`);
  document.title = `${title.textContent} · message-triage`;
  if (chosen === "models") showModels();
  if (focus) {
    scrollTo(0, 0);
    title.focus({ preventScroll: true });
  }
}

startKey(greet);
startMessage();
startFile({ limits, labeled: (texts, answers) => fillReview(texts, answers, server.labels) });
startReview({ server: limits });
startModels({ moved: greet });
startTraining({ ended: () => Promise.all([greet(), showModels()]) });
addEventListener("hashchange", () => show({ focus: true }));
show({ focus: false });
greet();

// Labels on their way to /add_data. Each batch has a name of its own, the Idempotency-Key, and is
// sent again under it until the server has answered: so none is lost, and none is kept twice.

import { callJson } from "./api.js";
import { jsonBytes } from "./labeling.js";

export class Outbox {
  #pending = []; // rows {text, label} that nobody has seen yet
  #batch = null; // {key, rows} that the server may have, or not

  get size() {
    return this.#pending.length + (this.#batch?.rows.length ?? 0);
  }

  add(row) {
    this.#pending.push(row);
  }

  /** Take a row back, if it was not sent yet. */
  takeBack(row) {
    const index = this.#pending.indexOf(row);
    if (index >= 0) this.#pending.splice(index, 1);
    return index >= 0;
  }

  /** Send all; how many are kept, and what the server would not have of them, with reasons. */
  async send(limits) {
    let kept = 0;
    const refused = [];
    while (this.size) {
      this.#batch ??= {
        key: freshName(),
        rows: this.#pending.splice(0, fitting(this.#pending, limits)),
      };
      try {
        kept += (await this.#sendBatch()).rows;
        this.#batch = null;
      } catch (problem) {
        if (!problem.isDefinite) throw problem; // the same batch goes again, under the same name
        const found = this.#reject(problem);
        if (!found.length) throw problem;
        refused.push(...found);
      }
    }
    return { kept, refused };
  }

  #sendBatch() {
    const { key, rows } = this.#batch;
    return callJson("add_data", { rows }, { headers: { "Idempotency-Key": key }, patient: true });
  }

  /** Nothing was kept: let the rows wait again, but those that the server found fault with. */
  #reject({ details }) {
    const { rows } = this.#batch;
    const reasons = new Map();
    for (const { field, problem } of details) {
      const number = /^row (\d+)$/.exec(field)?.[1];
      if (number) reasons.set(rows[number - 1], problem);
    }
    this.#pending.unshift(...rows.filter((row) => !reasons.has(row)));
    this.#batch = null;
    return [...reasons].map(([row, problem]) => ({ ...row, problem }));
  }
}

/** How many of the rows fit into one request. */
function fitting(rows, { max_body_bytes: mostBytes, max_feedback_rows: mostRows }) {
  let bytes = 100; // what stands around the rows
  const end = rows.findIndex((row) => (bytes += jsonBytes(row)) > mostBytes);
  return Math.max(1, Math.min(mostRows, end < 0 ? rows.length : end));
}

/** A name nobody else gives; crypto.randomUUID would need https. */
function freshName() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

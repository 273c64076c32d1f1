// Many texts through /batch_predict: in pieces that the server takes, and in their order.

import { callJson } from "./api.js";

// Small enough for the progress to move and for cancelling to be quick.
const MOST_AT_ONCE = 200;
const SOME_TEXT = /[^\s\u001c-\u001f\u0085]/; // what the server counts as a text

/**
 * Label texts, giving the pieces as they are done: {from, answers}, an answer for each text.
 * A text without content is not sent and gets null.
 */
export async function* labelTexts(texts, limits, { signal }) {
  for (const [from, to] of pieces(texts, limits)) {
    const part = texts.slice(from, to);
    const sent = part.filter((text) => SOME_TEXT.test(text)).map((text) => cut(text, limits));
    const { predictions } = sent.length
      ? await callJson("batch_predict", { texts: sent }, { signal, patient: true })
      : { predictions: [] };
    const next = predictions.values();
    const answers = part.map((text) =>
      SOME_TEXT.test(text) ? answer(text, next.next().value, limits) : null,
    );
    yield { from, answers };
  }
}

/** As much of a text as the server takes, which is far more than a model reads. */
export function cut(text, { max_text_chars: most }) {
  return text.length > most ? text.slice(0, most).toWellFormed() : text;
}

const answer = (text, given, limits) => ({
  ...given,
  truncated: given.truncated || text.length > limits.max_text_chars,
});

function* pieces(texts, limits) {
  const mostTexts = Math.min(MOST_AT_ONCE, limits.max_texts);
  let from = 0;
  let bytes = 0;
  for (let at = 0; at < texts.length; at += 1) {
    const size = jsonBytes(cut(texts[at], limits));
    if (at > from && (at - from >= mostTexts || bytes + size > limits.max_body_bytes - 100)) {
      yield [from, at];
      from = at;
      bytes = 0;
    }
    bytes += size;
  }
  yield [from, texts.length];
}

/** Bytes that a text takes in a body, its comma included. */
export const jsonBytes = (text) => new TextEncoder().encode(JSON.stringify(text)).length + 1;

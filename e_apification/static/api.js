// Calls of this server: JSON back, or a Refusal that says in words what is wrong.

import { apiKey } from "./key.js";

const TRIES = 8;

export class Refusal extends Error {
  /** status 0: no answer came, so that what was asked may have been done or not. */
  constructor(status, { code = "", message, details = [] }) {
    super([message, ...details.map(({ field, problem }) => `${field}: ${problem}`)].join("; "));
    Object.assign(this, { status, code, details });
  }

  /** Whether the server said no, rather than nothing or that it failed. */
  get isDefinite() {
    return this.status >= 400 && this.status < 500;
  }
}

/** Ask the server for JSON. Where it has too much to do, `patient` comes back when it says. */
export async function call(path, options = {}) {
  return (await asked(path, options)).json();
}

/** The same, for JSON line by line. */
export async function* callLines(path, options) {
  const { body } = await asked(path, options);
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read().catch(silent);
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) yield JSON.parse(line);
  }
}

async function asked(
  path,
  { body, type, headers = {}, signal, method, patient = false },
) {
  const sent = { ...headers };
  if (type) sent["Content-Type"] = type;
  if (apiKey()) sent["X-API-Key"] = apiKey();
  const options = {
    method: method ?? (body === undefined ? "GET" : "POST"),
    body,
    headers: sent,
    signal,
  };
  for (let left = patient ? TRIES : 1; ; left -= 1) {
    const response = await answer(path, options);
    if (response.ok) return response;
    const wait = Number(response.headers.get("Retry-After"));
    if (left <= 1 || !wait) throw await refusal(response);
    await pause(wait, signal);
  }
}

export const callJson = (path, content, options = {}) =>
  call(path, { ...options, body: JSON.stringify(content), type: "application/json" });

/** What the server says of itself: model, labels, limits. */
export const metadata = () => call("metadata");

async function answer(path, options) {
  try {
    return await fetch(path, options);
  } catch (error) {
    return silent(error);
  }
}

function silent(error) {
  if (error.name === "AbortError") throw error;
  throw new Refusal(0, { message: "The server does not answer. Is it running?" });
}

async function refusal(response) {
  try {
    return new Refusal(response.status, (await response.json()).error);
  } catch {
    return new Refusal(response.status, { message: `The server answered ${response.status}.` });
  }
}

function pause(seconds, signal) {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, 1000 * seconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

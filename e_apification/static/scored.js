// The rows of a file with their answers, in the columns that bulk scoring writes.

const ADDED = ["label", "confidence", "abstained", "truncated", "model_id"];

/** The text of each row: of several columns, those that are not empty, a line end between them. */
export const joinTexts = (rows, places) =>
  rows.map((row) =>
    places
      .map((place) => row[place])
      .filter(Boolean)
      .join("\n"),
  );

/** The header with the added columns; those that an earlier labeling added at the end go. */
export function scoredHeader(columns) {
  const given = withoutResults(columns);
  return [...given, ...addedNames(given)];
}

/** Each row with its answer; empty cells where there was no text, or nothing of it to read. */
export function scoredRows(columns, rows, answers) {
  const width = withoutResults(columns).length;
  return answers.map((answer, index) => [...rows[index].slice(0, width), ...cells(answer)]);
}

function withoutResults(columns) {
  const given = columns.slice(0, -ADDED.length);
  const last = columns.slice(given.length);
  try {
    return addedNames(given).every((name, index) => name === last[index]) ? given : columns;
  } catch {
    return columns;
  }
}

/** The added names, with a prefix where the file has such a column. */
function addedNames(columns) {
  const taken = new Set(columns.map((title) => title.toLowerCase()));
  const names = ADDED.map((title) => (taken.has(title) ? `predicted_${title}` : title));
  const clash = names.find((name) => taken.has(name));
  if (clash) throw new Error(`The file has a column “${clash}” already; rename it.`);
  return names;
}

function cells(answer) {
  if (!answer?.readable) return ADDED.map(() => "");
  const { label, confidence, abstained, truncated, model_id } = answer;
  return [label ?? "", confidence.toFixed(4), String(abstained), String(truncated), model_id];
}

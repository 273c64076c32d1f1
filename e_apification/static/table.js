// A file as the server reads it: sent as it is, and its rows taken in as they come back.

import { callLines } from "./api.js";

/**
 * How the file was read (form), its columns, rows of cells, and the records that are no row
 * ({number, reason, record}); `progress` is called with the number of rows so far.
 */
export async function readTable(file, { signal, progress }) {
  const table = { columns: [], rows: [], rejected: [] };
  const options = { body: file, type: "application/octet-stream", signal, patient: true };
  for await (const line of callLines("read", options)) {
    if (line.columns) table.columns = line.columns;
    if (line.rows) for (const row of line.rows) table.rows.push(row.map((cell) => cell ?? ""));
    if (line.rejected) table.rejected.push(...line.rejected);
    if (line.error) throw new Error(line.error.message);
    if (line.end) return { ...table, form: line.end.form };
    progress(table.rows.length);
  }
  throw new Error("The server stopped before the end of the file; try again.");
}

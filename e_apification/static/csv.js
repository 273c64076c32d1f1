// CSV in and out, as the server's own bulk scoring reads and writes it.

const DELIMITERS = [",", ";", "\t"];
const FORMULA = /^[=+\-@\t\r\n]/;

export class CsvProblem extends Error {}

/** Header and rows of a file's bytes. The delimiter is the one that its header holds most of. */
export function readCsv(bytes) {
  const text = decode(bytes);
  const delimiter = delimiterOf(text);
  const records = parse(text, delimiter);
  if (records.length < 2)
    throw new CsvProblem("The file needs a header line and at least one row.");
  const [header, ...rows] = records;
  const ragged = rows.findIndex((fields) => fields.length !== header.length);
  if (ragged >= 0) {
    throw new CsvProblem(
      `Row ${ragged + 1} has ${rows[ragged].length} fields, the header ${header.length}. ` +
        "Is a quote missing there?",
    );
  }
  return { header, rows, delimiter };
}

/** A file's text; CR LF between rows, so that fields with either of the two are quoted. */
export function writeCsv(rows, delimiter = ",") {
  const special = new RegExp(`["\r\n${delimiter}]`);
  const written = (field) => (special.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  return rows.map((fields) => fields.map(written).join(delimiter) + "\r\n").join("");
}

/** The value, with an apostrophe before it where a spreadsheet would take it for a formula. */
export const harmless = (value) => (FORMULA.test(value) ? `'${value}` : value);

function decode(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes); // drops a byte order mark
  } catch {
    throw new CsvProblem("The file is not text in UTF-8; save it as “CSV UTF-8” and try again.");
  }
}

function delimiterOf(text) {
  const header = text.slice(0, (text.search(/[\r\n]/) + 1 || text.length + 1) - 1);
  const bare = header.replaceAll(/"[^"]*"/g, "");
  const times = (sign) => bare.split(sign).length;
  return DELIMITERS.reduce((best, sign) => (times(sign) > times(best) ? sign : best));
}

function parse(text, delimiter) {
  const records = [];
  let fields = [];
  let at = 0;
  while (at < text.length) {
    if (!fields.length && (text[at] === "\r" || text[at] === "\n")) {
      at += 1; // the rest of CR LF, or a blank line: no record, other than a row of a quoted nothing
      continue;
    }
    const [field, after] =
      text[at] === '"' ? quoted(text, at, records.length) : bare(text, at, delimiter);
    fields.push(field);
    at = after;
    if (text[at] === delimiter) {
      at += 1;
      if (at < text.length) continue;
      fields.push("");
    } else if (at < text.length && text[at] !== "\r" && text[at] !== "\n") {
      throw new CsvProblem(`Something follows a closing quote in ${place(records.length)}.`);
    }
    at += 1;
    records.push(fields);
    fields = [];
  }
  return records;
}

const place = (record) => (record ? `row ${record}` : "the header");

function quoted(text, start, row) {
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw new CsvProblem(`A quote that opens in ${place(row)} is never closed.`);
    if (text[quote + 1] !== '"') {
      return [text.slice(start + 1, quote).replaceAll('""', '"'), quote + 1];
    }
    from = quote + 2;
  }
}

function bare(text, start, delimiter) {
  let end = start;
  while (end < text.length && text[end] !== delimiter && text[end] !== "\n" && text[end] !== "\r")
    end += 1;
  return [text.slice(start, end), end];
}

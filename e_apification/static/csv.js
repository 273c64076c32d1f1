// CSV out, by the rules of the server's own bulk scoring.

// What goes between the square brackets of a class; of a sign's "-" the last place.
const BLANK = "\\x00-\\x20\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff";
const SIGN = "+\uff0b\uff0d-";
const OPERATOR = `*/^&<>=\uff1d${SIGN}`;
const MARK = "\"'(),:;!?|\uff08";

const NAME = `[^${MARK}0-9${BLANK}${OPERATOR}][^${MARK}${BLANK}${OPERATOR}]*`;
const OPERAND = `[^${BLANK}${OPERATOR}]+`;
const SUM = `${OPERAND}(?:[${BLANK}]*[${OPERATOR}][${BLANK}${OPERATOR}]*${OPERAND})+`;
const CELL =
  "\\(*\\$?[A-Za-z]{1,3}\\$?[0-9]{1,7}(?::\\$?[A-Za-z]{1,3}\\$?[0-9]{1,7})?[)%]*";
const CALL = "[A-Za-z_.\u0080-\u{10ffff}][0-9]{0,4}[(\uff08]";
const OTHER_SHEET = "[^ \\n]![A-Za-z_$#]";
const OTHER_PROGRAM = "\\| *'|\\|[^|]*![A-Za-z_$#']";

/** The patterns of common/tables/writing/formulas.py, which says what they are for. */
export const FORMULA =
  `^[${BLANK}"]*(?:` +
  "[=\uff1d]" +
  `|[@\uff20${SIGN}][${BLANK}${SIGN}]*${NAME} *[(\uff08]` +
  `|[@\uff20${SIGN}][\\s\\S]*?(?:${OTHER_PROGRAM})` +
  `|[${SIGN}][\\s\\S]*?(?:${CALL}|${OTHER_SHEET})` +
  `|[${SIGN}][${BLANK}${SIGN}]*(?:${SUM}|${CELL})[${BLANK}]*$` +
  ")";
export const NUMBER =
  `^[${BLANK}]*(?:` +
  "[+-]?[0-9.,]+[eE][+-]?[0-9]+" +
  "|\\+(?:[ ()./-]*[0-9]){7,15}[ )]*" +
  `)[${BLANK}]*$`;
const RUN = new RegExp(FORMULA, "u");
const PLAIN = new RegExp(NUMBER, "u");

/** The value, with an apostrophe before it where a spreadsheet would run it. */
export const harmless = (value) => (RUN.test(value) && !PLAIN.test(value) ? `'${value}` : value);

/** The value without the apostrophe that `harmless` gives, where it has one. */
export function unmarked(value) {
  if (!value.startsWith("'")) return value;
  const bare = value.slice(1);
  return harmless(bare) === value ? bare : value;
}

/** A file's text; CR LF between rows, so that fields with either of the two are quoted. */
export function writeCsv(rows, { delimiter = ",", bom = false, guard = true } = {}) {
  const isSpecial = (field) => field.includes(delimiter) || /["\r\n]/.test(field);
  const written = (value) => {
    const field = guard ? harmless(value) : value;
    return isSpecial(field) ? `"${field.replaceAll('"', '""')}"` : field;
  };
  const lines = rows.map((fields) => fields.map(written).join(delimiter) + "\r\n");
  return (bom ? "\ufeff" : "") + lines.join("");
}

// Rows as CSV (RFC 4180), safe to open in a spreadsheet.

import type { Column } from "./columns";
import { cellOf } from "./columns";
import type { Row } from "./found";
import { valueOf } from "./value";
import { isJsonNumber, plainJson } from "./write";

/** The line with the names of the columns. */
export function csvHeader(columns: readonly Column[], hasTable: boolean): string {
  return line([...(hasTable ? [text("table")] : []), ...columns.map((column) => text(column.name))]);
}

/** The line of a row. */
export function csvLine(row: Row, columns: readonly Column[], hasTable: boolean): string {
  const cells = columns.map((column) => cell(row, column.name));
  return line(hasTable ? [text(row.table ?? ""), ...cells] : cells);
}

function line(cells: readonly string[]): string {
  return `${cells.map(quote).join(",")}\r\n`;
}

/** A cell: a text without quotes, nothing for null, and otherwise JSON, as the command line writes it. */
function cell(row: Row, column: string): string {
  const node = cellOf(row, column);
  if (!node) return "";
  const value = valueOf(node, row.reading);
  if (value.kind === "null") return "";
  if (value.kind === "text") return text(value.text);
  // A number such as -5 is no formula. With an apostrophe it would become text, and sums over the column would be wrong.
  if (value.kind === "number") return isJsonNumber(value.text) ? value.text : text(value.text);
  return text(plainJson(node, row.reading));
}

/** What begins a formula. Where a spreadsheet is set to Japanese or Chinese, the fullwidth signs do too. */
const SIGN = "=+\\-@\\uff1d\\uff0b\\uff0d\\uff20";

/** A text that is a formula from its first character on. Tab, CR and LF are skipped in front of one. */
const FIRST = new RegExp(`^(?:\\s*[${SIGN}]|[\\t\\r\\n])`);

/**
 * What stands in front of a formula sign within a text, where a program may begin another cell. A quote counts as
 * nothing: it is written twice, which is an empty text for a program that begins a cell there.
 */
const INNER = new RegExp(`([;\\t\\r\\n]["\\s]*)(?=[${SIGN}])`, "g");

/**
 * Makes a text safe for spreadsheets. They take a cell that begins with `=`, `+`, `-` or `@` for a formula, also if it
 * is quoted or has spaces in front, and a formula can send the sheet's other cells to anybody (`=HYPERLINK("https://…"&A1)`) or, in old
 * versions, run a program. An apostrophe in front makes the cell a text.
 *
 * Where the comma is the decimal sign, spreadsheets split lines at `;`, and some programs at tabs. For them the quote
 * of a cell stands somewhere in the middle, where it does not hold the text together. So a sign that follows one of
 * these, or a line break, gets an apostrophe too.
 *
 * The export as NDJSON, and the command line's CSV, do not change anything: they are for programs.
 */
export function text(content: string): string {
  const inner = content.replace(INNER, "$1'");
  return FIRST.test(content) ? `'${inner}` : inner;
}

function quote(content: string): string {
  return /[",;\r\n\t']|^\s|\s$/.test(content) ? `"${content.replace(/"/g, '""')}"` : content;
}

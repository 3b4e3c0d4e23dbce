// Rows as a file. The file is put together in parts as pages arrive, so that the browser keeps it as a Blob, and not as
// one large text.

import type { Found, Row } from "./found";
import { columnsOf } from "./columns";
import { csvHeader, csvLine } from "./csv";
import { type Continued, cursorOf, fetchRest, type Page } from "./run";
import { compact } from "./write";

/** The formats of files. */
export type FileFormat = "csv" | "ndjson";

/** How far an export is. */
export interface Progress {
  readonly rows: number;
  readonly pages: number;
}

/** What can be exported: the pages that are known, and how the others are fetched. */
export type Exportable = Continued & {
  /** Whether a row of the pages that are fetched is among the known ones already. */
  readonly isKnown?: (row: Row) => boolean;
};

/** Writes the rows of a run to a Blob; with `all`, also those of the pages that were not fetched yet. */
export async function exportRows(
  run: Exportable,
  format: FileFormat,
  keys: readonly string[],
  all: boolean,
  signal: AbortSignal,
  progress: (progress: Progress) => void,
): Promise<{ blob: Blob; rows: number }> {
  const file = format === "csv" ? new CsvFile(keys) : new NdjsonFile();
  let [rows, pages] = [0, 0];
  const add = ({ found }: Pick<Page, "found">) => {
    file.add(found);
    rows += found.rows.length;
    pages++;
    progress({ rows, pages });
  };
  for (const page of run.pages) add(page);
  const { isKnown } = run;
  const addNew = ({ found }: Page) => add({ found: isKnown ? { ...found, rows: found.rows.filter((row) => !isKnown(row)) } : found });
  if (all && cursorOf(run) !== undefined) await fetchRest(run, signal, addNew);
  return { blob: new Blob(await file.parts(signal), { type: TYPES[format] }), rows };
}

const TYPES: Readonly<Record<FileFormat, string>> = {
  csv: "text/csv;charset=utf-8",
  ndjson: "application/x-ndjson",
};

/** Rows that are written before the page may do something else. */
const AT_ONCE = 2000;

/** Lines of JSON. Each page becomes a part at once, so that its rows need not be kept. */
class NdjsonFile {
  private readonly blobs: Blob[] = [];

  add({ rows }: Pick<Found, "rows">): void {
    this.blobs.push(new Blob(rows.map(({ node, source }) => `${compact(node, source)}\n`)));
  }

  async parts(): Promise<Blob[]> {
    return this.blobs;
  }
}

/** CSV. Its columns are known only when all rows are. */
class CsvFile {
  private readonly rows: Row[] = [];
  private single = "";

  constructor(private readonly keys: readonly string[]) {}

  add({ rows, single }: Pick<Found, "rows" | "single">): void {
    // A call with tens of thousands of arguments overflows the stack.
    for (const row of rows) this.rows.push(row);
    this.single ||= single;
  }

  async parts(signal: AbortSignal): Promise<Blob[]> {
    const { columns, hasTable } = columnsOf(this.rows, this.keys, this.single);
    // Without the byte order mark, Excel reads UTF-8 as another encoding.
    const blobs = [new Blob(["\ufeff", csvHeader(columns, hasTable)])];
    for (let at = 0; at < this.rows.length; at += AT_ONCE) {
      blobs.push(new Blob(this.rows.slice(at, at + AT_ONCE).map((row) => csvLine(row, columns, hasTable))));
      await new Promise((resolve) => setTimeout(resolve));
      signal.throwIfAborted();
    }
    return blobs;
  }
}

/** Offers a Blob as a download. It needs no permission of the content security policy: nothing is loaded. */
export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  // The browser has begun to read it once the click was handled, but some only in their next task.
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** A name for a file, such as `orders-Scan-all.csv`. Characters that a file system may not take are left out. */
export function fileName(datasource: string, action: string, format: FileFormat, all: boolean): string {
  return `${datasource}-${action}`.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 80) + `-${all ? "all" : "part"}.${format}`;
}

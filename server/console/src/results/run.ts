// One run of a query: its pages as they arrive, or the error that ended it.

import { send, type Reply } from "../api/client";
import { ProblemError } from "../api/problem";
import type { Action } from "../api/types";
import { callOf, withCursor, type Request } from "../query/request";
import { parseDocument, type Document } from "../schema/document";
import { texts } from "../texts";
import { found, type Found, type Row } from "./found";

/** A page of results. */
export interface Page {
  readonly document: Document;
  readonly found: Found;
  readonly reply: Reply;
}

/** A run. It is replaced and never changed, so that a view knows when to draw it again. */
export interface Run {
  /** Differs from that of every other run. */
  readonly id: number;
  readonly request: Request;
  readonly action: Pick<Action, "name" | "paging">;
  readonly status: "running" | "done" | "failed" | "cancelled";
  readonly pages: readonly Page[];
  /** The rows of all pages. */
  readonly rows: readonly Row[];
  /** What ended the latest request. The pages before it stay. */
  readonly error: ProblemError | undefined;
  /** When the latest request was sent, as `performance.now` tells it. */
  readonly since: number;
}

/** What is needed to fetch the next page. */
export type Continued = Pick<Run, "request" | "action"> & { readonly pages: readonly Pick<Page, "found">[] };

let runs = 0;

/** A run that is about to send its first request. */
export function begin(request: Request, action: Run["action"]): Run {
  const since = performance.now();
  return { id: ++runs, request, action, status: "running", pages: [], rows: [], error: undefined, since };
}

/** Sends the next request of a run, and returns the run with its outcome. */
export async function proceed(run: Run, signal: AbortSignal): Promise<Run> {
  try {
    const page = await fetchPage(nextRequest(run), run.action, signal);
    return {
      ...run,
      status: "done",
      error: undefined,
      pages: [...run.pages, page],
      rows: [...run.rows, ...page.found.rows],
    };
  } catch (error) {
    if (signal.aborted) return { ...run, status: "cancelled" };
    if (error instanceof ProblemError) return { ...run, status: "failed", error };
    throw error;
  }
}

/** The cursor to the page after the last one. */
export function cursorOf({ pages }: Pick<Continued, "pages">): string | undefined {
  return pages.at(-1)?.found.cursor;
}

/** The request for the page after those that a run has. */
export function nextRequest(run: Continued): Request {
  const cursor = cursorOf(run);
  const { paging } = run.action;
  return cursor === undefined || !paging ? run.request : withCursor(run.request, paging.input, cursor);
}

async function fetchPage(request: Request, action: Run["action"], signal: AbortSignal): Promise<Page> {
  const reply = await send(callOf(request, signal));
  const document = parseDocument(reply.text);
  return { document, found: found(document, action, request.options.format), reply };
}

/** Fetches all pages after those that a run has, and hands each on as it arrives. */
export async function fetchRest(run: Continued, signal: AbortSignal, arrived: (page: Page) => void): Promise<void> {
  let { pages } = run;
  while (cursorOf({ pages }) !== undefined) {
    const before = cursorOf({ pages });
    const page = await fetchPage(nextRequest({ ...run, pages }), run.action, signal);
    if (signal.aborted) throw signal.reason;
    arrived(page);
    // A service that returns the same cursor again would be asked forever.
    if (page.found.cursor === before) throw new Error(texts.schema.sameCursor);
    pages = [page];
  }
}

// One request to the API, on the origin of the page.

import { texts } from "../texts";
import { parse, type Json } from "./json";
import { type Problem, ProblemError } from "./problem";
import { session, sessionHeaders, signInNeeded } from "./session";

/** The media type of a template with bound values. */
export const BOUND = "application/vnd.portcullis.bound+json";
/** The media type of a call that describes its datasource. */
export const CALL = "application/vnd.portcullis.call+json";

/** What to send. */
export interface Call {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  /** The segments of the path. They are encoded here: a name may have any character. */
  path: string[];
  query?: Record<string, string | undefined>;
  headers?: Record<string, string>;
  /** The body, as JSON text. */
  body?: string;
  contentType?: string;
  signal?: AbortSignal | undefined;
}

/** A response. */
export interface Reply {
  status: number;
  /** The body as it arrived. */
  text: string;
  /** The id of the request in logs and audit records. */
  requestId: string | undefined;
  etag: string | undefined;
  /** How many requests the call has sent to the service, if the server says so. */
  attempts: number | undefined;
  /** Milliseconds from sending to the last byte. */
  time: number;
}

/** Sends a request. Throws a `ProblemError`, or an `AbortError` if `signal` has ended it. */
export async function send(call: Call): Promise<Reply> {
  const { token } = session.value;
  const headers: Record<string, string> = { ...sessionHeaders(), ...call.headers };
  if (call.body !== undefined) headers["content-type"] = call.contentType ?? "application/json";
  const started = performance.now();
  let response: Response;
  let text: string;
  try {
    response = await fetch(url(call), {
      method: call.method ?? "GET",
      headers,
      body: call.body ?? null,
      signal: call.signal ?? null,
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      referrerPolicy: "no-referrer",
    });
    text = await response.text();
  } catch (error) {
    if (call.signal?.aborted) throw error;
    throw new ProblemError(unreachable(isWrite(call)), undefined, "", performance.now() - started);
  }
  const time = performance.now() - started;
  const requestId = response.headers.get("x-request-id") ?? undefined;
  if (response.ok) {
    const etag = response.headers.get("etag") ?? undefined;
    const attempts = attemptsIn(response.headers.get("x-portcullis-attempts"));
    return { status: response.status, text, requestId, etag, attempts, time };
  }
  // A late response may be about the token before the one that people have just entered.
  if (response.status === 401 && session.value.token === token) signInNeeded.value = true;
  throw new ProblemError(problemIn(text, response.status), requestId, text, time);
}

/** Sends a request and reads the body as JSON whose numbers are few and small: counts, states, schemas. */
export async function get<T>(call: Call): Promise<T> {
  const reply = await send(call);
  return JSON.parse(reply.text) as T;
}

/** Sends a request and reads the body as JSON that keeps every digit. */
export async function getLossless(call: Call): Promise<Reply & { body: Json }> {
  const reply = await send(call);
  return { ...reply, body: parse(reply.text) };
}

/** The path and query of a call. */
export function url({ path, query }: Pick<Call, "path" | "query">): string {
  const present = Object.entries(query ?? {}).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== "",
  );
  const text = new URLSearchParams(present).toString();
  return `/${path.map(segment).join("/")}${text && `?${text}`}`;
}

/** A segment of a path. `.` and `..` would change the path even if they were encoded. */
function segment(name: string): string {
  // The colon of `datasources:test` and `NAME:disable` is part of the API's paths.
  return encodeURIComponent(name).replaceAll("%3A", ":");
}

/** The number in the header `x-portcullis-attempts`. Anything but a number is taken for no header. */
export function attemptsIn(header: string | null): number | undefined {
  return header !== null && /^[0-9]{1,9}$/.test(header) ? Number(header) : undefined;
}

/** Whether the call may change something. What a `POST` does depends on its action, so each one counts. */
function isWrite({ method = "GET" }: Call): boolean {
  return method !== "GET";
}

/** Nobody knows whether a write without a response, or with a part of one, has reached the server. */
function unreachable(isWrite: boolean): Problem {
  const { unreachable, unreachableRemedy } = texts.problem;
  const problem = { case: "unreachable", status: 0, title: unreachable, detail: unreachable, remedy: unreachableRemedy };
  return isWrite ? { ...problem, maybeApplied: true } : problem;
}

function problemIn(text: string, status: number): Problem {
  try {
    const problem = JSON.parse(text) as Problem;
    if (typeof problem.detail === "string" && typeof problem.case === "string") return problem;
  } catch {
    // It is not a problem document: something between has responded.
  }
  return { case: "other", status, title: "", detail: texts.problem.notFromPortcullis(status), remedy: texts.problem.proxyRemedy };
}

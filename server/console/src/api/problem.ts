// Problem documents: how the API reports errors (RFC 9457).

/** One fault in what was sent. */
export interface Fault {
  /** A JSON Pointer into the body, or to a name in the query. */
  pointer: string;
  message: string;
}

/** A problem document. `case` decides which fields it has. */
export interface Problem {
  case: string;
  status: number;
  title: string;
  detail: string;
  remedy?: string;
  rule?: string;
  subject?: string;
  hint?: string;
  code?: string;
  faults?: Fault[];
  details?: unknown;
  serviceStatus?: number;
  serviceRequestId?: string;
  retryable?: boolean;
  attempts?: number;
  maybeApplied?: boolean;
  limit?: string;
}

/** A request that the server, or the network, did not carry out. */
export class ProblemError extends Error {
  readonly problem: Problem;
  /** The id of the request in logs and audit records, if the server was reached. */
  readonly requestId: string | undefined;
  /** The response as it arrived. */
  readonly text: string;
  /** Milliseconds until then. */
  readonly time: number;

  constructor(problem: Problem, requestId: string | undefined, text: string, time: number) {
    super(problem.detail);
    this.name = "ProblemError";
    this.problem = problem;
    this.requestId = requestId;
    this.text = text;
    this.time = time;
  }
}

/** The problem of anything that was thrown, for showing it. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  const detail = error instanceof Error ? error.message : String(error);
  return { case: "console", status: 0, title: "Error", detail };
}

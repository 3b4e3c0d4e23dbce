// An error: what happened, where, and what helps.

import type { Fault, Problem } from "../api/problem";
import type { ProblemError } from "../api/problem";
import { parseDocument, field } from "../schema/document";
import { texts } from "../texts";
import { Tree } from "./tree";

export interface FailureProps {
  error: ProblemError;
  /** Goes to the place of a fault. */
  goTo: (fault: Fault) => void;
}

/** An error of a query. */
export function Failure({ error, goTo }: FailureProps) {
  const t = texts.query.failure;
  const { problem, requestId, text, time } = error;
  const faults = problem.faults ?? [];
  // The detail of an input that cannot be sent is the title and the faults once more.
  const detail =
    faults.length === 0 ? problem.detail : problem.case === "invalid-input" ? "" : problem.detail.split("\n")[0];
  const facts: [string, string | number | undefined][] = [
    [t.code, problem.code],
    [t.status, problem.serviceStatus],
    [t.rule, problem.rule],
    [t.subject, problem.subject],
    [t.limit, problem.limit],
    [texts.query.results.requestId, requestId],
    [texts.query.results.serviceRequestId, problem.serviceRequestId],
  ];
  const known = facts.filter(([, value]) => value !== undefined);
  const details = problem.details === undefined ? undefined : field(parseDocument(text).root, "details");
  return (
    <div class="failure" role="alert">
      <h3>{Object.hasOwn(t.titles, problem.case) ? t.titles[problem.case] : t.other}</h3>
      {detail && <p class="failure-detail">{detail}</p>}
      {problem.maybeApplied === true && <p class="failure-warning">{t.maybeApplied}</p>}
      {problem.hint && (
        <p>
          <strong>{t.hint}</strong> {problem.hint}
        </p>
      )}
      {problem.remedy && <Remedy problem={problem} remedy={problem.remedy} />}
      {faults.length > 0 && (
        <ul class="failure-faults" aria-label={t.faults}>
          {faults.map((fault, index) => (
            <li key={index}>
              <button type="button" class="pointer" onClick={() => goTo(fault)} aria-label={t.goTo(fault.pointer)}>
                {fault.pointer === "" ? "/" : fault.pointer}
              </button>
              <span>{fault.message}</span>
            </li>
          ))}
        </ul>
      )}
      {problem.retryable === true && <p class="muted">{t.retryable}</p>}
      <dl class="failure-facts">
        {known.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="mono">{value}</dd>
          </div>
        ))}
        <div>
          <dd>{texts.query.results.time(time)}</dd>
        </div>
        {problem.attempts !== undefined && (
          <div>
            <dd>{texts.query.results.attempts(problem.attempts)}</dd>
          </div>
        )}
      </dl>
      {details && (
        <div class="failure-details">
          <h4>{t.details}</h4>
          <Tree root={details} source={text} reading={() => "json"} label={t.details} />
        </div>
      )}
    </div>
  );
}

/** A remedy. For a refusal by the policy it is a line of the policy, and shown as one. */
function Remedy({ problem, remedy }: { problem: Problem; remedy: string }) {
  const t = texts.query.failure;
  const isLine = problem.rule !== undefined && /^[a-z-]+ = /.test(remedy);
  return (
    <p>
      <strong>{isLine ? t.allowedBy : t.remedy}</strong> {isLine ? <code>{remedy}</code> : remedy}
    </p>
  );
}

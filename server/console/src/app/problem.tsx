// How a problem is shown everywhere: what happened, what would help, and what an operator needs to find it.

import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem";
import { texts } from "../texts";
import { Prose } from "./prose";

/** A problem in a box, with buttons that may help. */
export function ProblemBox({ problem, requestId, children }: { problem: Problem; requestId?: string | undefined; children?: ComponentChildren }) {
  const facts: [string, string | number | undefined][] = [
    [texts.problem.rule, problem.rule],
    [texts.problem.attempts, problem.attempts],
    [texts.problem.requestId, requestId],
    [texts.problem.serviceRequestId, problem.serviceRequestId],
  ];
  const known = facts.filter(([, value]) => value !== undefined);
  return (
    <div class="problem" role="alert">
      <p class="problem-detail">
        <Prose text={problem.detail} />
      </p>
      {problem.hint && (
        <p>
          <Prose text={problem.hint} />
        </p>
      )}
      {problem.remedy && <Remedy problem={problem} remedy={problem.remedy} />}
      {problem.maybeApplied === true && <p>{texts.problem.maybeApplied}</p>}
      {known.length > 0 && (
        <dl>
          {known.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd class="mono">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {children !== undefined && <div class="actions">{children}</div>}
    </div>
  );
}

/** For a refusal, an operator's remedy is a line of the policy, and shown as one. */
function Remedy({ problem, remedy }: { problem: Problem; remedy: string }) {
  const isLine = problem.rule !== undefined && /^[a-z-]+ = /.test(remedy);
  if (!isLine) {
    return (
      <p class="problem-remedy">
        <Prose text={remedy} />
      </p>
    );
  }
  return (
    <p class="problem-remedy">
      {texts.problem.allowedBy} <code>{remedy}</code>
    </p>
  );
}

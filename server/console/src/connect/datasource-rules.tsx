// What a datasource may do, and who says so.

import { useLoad } from "../app/load";
import { ProblemBox } from "../app/problem";
import { texts } from "../texts";
import { PolicyInWords } from "./policy";
import { readRules } from "./rules";

/** The rules of a datasource, as far as the caller may know them. */
export function DatasourceRules({ datasource }: { datasource: string }) {
  const known = useLoad((signal) => readRules(datasource, signal), [datasource]);
  if (known.problem) {
    return (
      <ProblemBox problem={known.problem}>
        <button type="button" class="button small" onClick={known.reload}>
          {texts.app.retry}
        </button>
      </ProblemBox>
    );
  }
  if (!known.value) return <div class="loading" aria-busy="true" />;
  const { datasource: source, rules, actions, problem } = known.value;
  if (!rules) return <p>{texts.rules.unknown}</p>;
  return (
    <div class="stack">
      <PolicyInWords rules={rules} />
      {actions !== undefined && actions.all > 0 && <p>{texts.rules.actions(actions.allowed, actions.all)}</p>}
      {!rules.embedded && <p class="muted">{source.origin === "store" ? texts.rules.byTemplate(source.template ?? "") : texts.rules.byPolicy}</p>}
      {problem && <ProblemBox problem={problem} />}
    </div>
  );
}

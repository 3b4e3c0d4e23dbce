// The minimal IAM document for a template with its settings.

import { useEffect, useState } from "preact/hooks";
import { minimalIam } from "../api/calls";
import { ProblemError } from "../api/problem";
import { CopyButton } from "../app/copy";
import { texts } from "../texts";

/** Shows the document, as soon as the settings are complete. Servers that cannot derive it show nothing. */
export function MinimalIam({ template, settings, tenant }: { template: string; settings: Record<string, string | number | boolean>; tenant: string | undefined }) {
  const [document, setDocument] = useState<string>();
  const [missing, setMissing] = useState(false);
  const key = JSON.stringify([template, settings, tenant]);
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      minimalIam(template, settings, abort.signal).then(setDocument, (error: unknown) => {
        if (abort.signal.aborted) return;
        setDocument(undefined);
        if (error instanceof ProblemError && [404, 405].includes(error.problem.status)) setMissing(true);
      });
    }, 300);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  if (missing) return null;
  return (
    <section class="panel side" aria-labelledby="iam-title">
      <div class="spread">
        <h2 id="iam-title">{texts.connect.iam}</h2>
        {document !== undefined && <CopyButton text={document} />}
      </div>
      <p class="muted">{document === undefined ? texts.connect.iamNeeds : texts.connect.iamHelp}</p>
      {document !== undefined && (
        <pre class="document" tabIndex={0}>
          {document}
        </pre>
      )}
    </section>
  );
}

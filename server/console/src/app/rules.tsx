// What a datasource may do, in a dialog. The list of datasources and the views of each one open it.

import { useState } from "preact/hooks";
import { texts } from "../texts";
import { Dialog } from "./dialog";
import { lazy } from "./lazy";

const DatasourceRules = lazy(async () => (await import("../connect/datasource-rules")).DatasourceRules);

/** A button that opens the dialog. `label` is for where the datasource is not clear from what is around the button. */
export function RulesButton({ datasource, kind, label }: { datasource: string; kind?: string; label?: string }) {
  const [shown, setShown] = useState(false);
  return (
    <>
      <button type="button" class={kind} aria-label={label} aria-haspopup="dialog" onClick={() => setShown(true)}>
        {texts.rules.show}
      </button>
      {shown && <RulesDialog datasource={datasource} closed={() => setShown(false)} />}
    </>
  );
}

function RulesDialog({ datasource, closed }: { datasource: string; closed: () => void }) {
  return (
    <Dialog label={texts.rules.title(datasource)} closed={closed}>
      <div class="dialog-body">
        <h2>{texts.rules.title(datasource)}</h2>
        <div aria-live="polite">
          <DatasourceRules datasource={datasource} />
        </div>
        <div class="dialog-end">
          <button type="button" class="button" onClick={closed} autofocus>
            {texts.app.close}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

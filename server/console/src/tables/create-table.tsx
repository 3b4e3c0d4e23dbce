// Creates a table with a key, billed on demand. Everything else is for the query editor.

import { useState } from "preact/hooks";
import { execute } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import { Dialog } from "../app/dialog";
import { ProblemBox } from "../app/problem";
import { href, navigate } from "../app/route";
import { texts } from "../texts";

/** The dialog. */
export function CreateTable({ datasource, closed, created }: { datasource: string; closed: () => void; created: () => void }) {
  const [name, setName] = useState("");
  const [partition, setPartition] = useState({ name: "", type: "S" });
  const [sort, setSort] = useState({ name: "", type: "S" });
  const [running, setRunning] = useState(false);
  const [problem, setProblem] = useState<Problem>();
  const submit = async (event: Event) => {
    event.preventDefault();
    setRunning(true);
    setProblem(undefined);
    const keys = [partition, ...(sort.name === "" ? [] : [sort])];
    const input = {
      TableName: name,
      AttributeDefinitions: keys.map((key) => ({ AttributeName: key.name, AttributeType: key.type })),
      KeySchema: keys.map((key, index) => ({ AttributeName: key.name, KeyType: index === 0 ? "HASH" : "RANGE" })),
      BillingMode: "PAY_PER_REQUEST",
    };
    try {
      await execute(datasource, "CreateTable", JSON.stringify(input));
      closed();
      created();
      navigate(href(["d", datasource, "tables", name]));
    } catch (error) {
      setProblem(problemOf(error));
      setRunning(false);
    }
  };
  return (
    <Dialog label={texts.tables.create} closed={closed}>
      <form class="dialog-body" onSubmit={(event) => void submit(event)} autocomplete="off">
        <h2>{texts.tables.create}</h2>
        {problem && <ProblemBox problem={problem} />}
        <div class="field">
          <label for="create-name">{texts.tables.tableName}</label>
          <input id="create-name" class="input" required autofocus spellcheck={false} value={name} onInput={(event) => setName(event.currentTarget.value)} />
        </div>
        <KeyFields id="create-partition" label={texts.tables.partitionKey} required value={partition} changed={setPartition} />
        <KeyFields id="create-sort" label={texts.tables.sortKey} required={false} value={sort} changed={setSort} />
        <p class="muted">{texts.tables.onDemand}</p>
        <div class="dialog-end">
          <button type="button" class="button" onClick={closed}>
            {texts.app.cancel}
          </button>
          <button type="submit" class="button primary" disabled={running}>
            {running ? texts.tables.creating : texts.tables.create}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

interface KeyValue {
  name: string;
  type: string;
}

function KeyFields({ id, label, required, value, changed }: { id: string; label: string; required: boolean; value: KeyValue; changed: (value: KeyValue) => void }) {
  return (
    <div class="key-fields">
      <div class="field">
        <label for={id}>
          {label} {!required && <span class="optional">{texts.app.optional}</span>}
        </label>
        <input id={id} class="input" required={required} spellcheck={false} value={value.name} onInput={(event) => changed({ ...value, name: event.currentTarget.value })} />
      </div>
      <div class="field">
        <label for={`${id}-type`}>{texts.tables.type}</label>
        <select id={`${id}-type`} class="input" value={value.type} onChange={(event) => changed({ ...value, type: event.currentTarget.value })}>
          {["S", "N", "B"].map((type) => (
            <option key={type} value={type}>
              {texts.tables.types[type]}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

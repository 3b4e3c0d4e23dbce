// Deletes selected items in batches, after people have confirmed it.

import { useRef, useState } from "preact/hooks";
import { execute } from "../api/calls";
import { isObject, type JsonObject, own, stringify } from "../api/json";
import { type Problem, problemOf } from "../api/problem";
import type { Table } from "../api/types";
import { Dialog } from "../app/dialog";
import { ProblemBox } from "../app/problem";
import { texts } from "../texts";
import { preview } from "./attribute";
import type { Row } from "./reading";
import { deletionBatches, keyOf } from "./write";

interface Props {
  datasource: string;
  table: Table;
  rows: Row[];
  /** Called for each item that was deleted. */
  deleted: (id: string) => void;
  closed: () => void;
}

const SHOWN = 5;

/** The dialog. */
export function DeleteItems({ datasource, table, rows: given, deleted, closed }: Props) {
  // What is left of what was selected when the dialog opened.
  const [rows, setRows] = useState(given);
  const [done, setDone] = useState<number>();
  const [problem, setProblem] = useState<Problem>();
  const stop = useRef(new AbortController());
  const run = async () => {
    setDone(0);
    setProblem(undefined);
    const keys = rows.map((row) => keyOf(table, row.item)).filter((key) => key !== undefined);
    const gone = new Set<string>();
    try {
      for (const batch of deletionBatches(table, keys)) {
        const { body } = await execute(datasource, "BatchWriteItem", stringify(batch.input), { resubmit: "true" }, stop.current.signal);
        const left = unprocessed(body, table);
        for (const key of batch.keys.map((key) => stringify(key))) {
          if (left.has(key)) continue;
          deleted(key);
          gone.add(key);
        }
        setDone(gone.size);
        if (left.size > 0) throw new Error(texts.tables.unprocessed(left.size));
      }
      closed();
    } catch (error) {
      if (!stop.current.signal.aborted) setProblem(problemOf(error));
      setDone(undefined);
      setRows(rows.filter((row) => !gone.has(row.id)));
    }
  };
  const close = () => {
    stop.current.abort();
    closed();
  };
  return (
    <Dialog label={texts.tables.deleteItems(rows.length)} closed={close}>
      <div class="dialog-body">
        <h2>{texts.tables.deleteItems(rows.length)}</h2>
        <p>{texts.tables.deleteItemsHelp(table.name)}</p>
        <ul class="mono keys">
          {rows.slice(0, SHOWN).map((row) => (
            <li key={row.id}>{table.keys.map((key) => preview(own(row.item, key.name), 60)).join(" · ")}</li>
          ))}
          {rows.length > SHOWN && <li class="muted">{texts.tables.andMore(rows.length - SHOWN)}</li>}
        </ul>
        {problem && <ProblemBox problem={problem} />}
        <div class="dialog-end">
          {done !== undefined && (
            <span class="muted" role="status">
              {texts.tables.deleting(done, rows.length)}
            </span>
          )}
          <button type="button" class="button" onClick={close} autofocus>
            {texts.app.cancel}
          </button>
          <button type="button" class="button danger" onClick={() => void run()} disabled={done !== undefined}>
            {texts.tables.delete}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

/** The keys that the service has not deleted, although they were sent again. */
function unprocessed(body: unknown, table: Table): Set<string> {
  const field = (value: unknown, name: string) => (isObject(value as never) ? own(value as JsonObject, name) : undefined);
  const entries = field(field(body, "UnprocessedItems"), table.name);
  const keys = (Array.isArray(entries) ? entries : []).map((entry) => field(field(entry, "DeleteRequest"), "Key"));
  // The service returns the attributes of a key in any order.
  return new Set(keys.flatMap((key) => (isObject(key) ? [stringify(keyOf(table, key) ?? key)] : [])));
}

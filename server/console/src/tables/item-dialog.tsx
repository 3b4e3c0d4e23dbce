// One item: shown, edited, inserted or deleted.

import { useEffect, useRef, useState } from "preact/hooks";
import { execute } from "../api/calls";
import { isObject, type Json, type JsonObject, own, parse, stringify } from "../api/json";
import { type Problem, ProblemError, problemOf } from "../api/problem";
import type { Table } from "../api/types";
import { CopyButton } from "../app/copy";
import { Dialog } from "../app/dialog";
import { CloseIcon } from "../app/icons";
import { ProblemBox } from "../app/problem";
import { texts } from "../texts";
import { located, preview, untag } from "./attribute";
import { type FormRow, itemOf, newRow, rowsOf } from "./form-rows";
import { ItemForm } from "./item-form";
import type { Row } from "./reading";
import type { May } from "./view";
import { type Change, change, deletion, insertion, keyOf, same } from "./write";

interface Props {
  datasource: string;
  table: Table;
  /** The item that was opened. Without one, a new item is made. */
  row: Row | undefined;
  /** The index through which it was read, if that has only some of the attributes. */
  partialIndex: string | undefined;
  may: May;
  closed: () => void;
  /** `id` is the item that was there before; `item` the one that is there now. */
  changed: (id: string | undefined, item: JsonObject | undefined) => void;
}

/** The dialog. */
export function ItemDialog({ datasource, table, row, partialIndex, may, closed, changed }: Props) {
  const [before, setBefore] = useState<JsonObject>(row?.item ?? {});
  const [partial, setPartial] = useState(partialIndex !== undefined);
  const [rows, setRows] = useState<FormRow[]>(() => rowsOf(table, before));
  const [json, setJson] = useState<string>();
  const [showsFaults, setShowsFaults] = useState(false);
  const [running, setRunning] = useState(false);
  const [failure, setFailure] = useState<Failure>();
  const [asks, setAsks] = useState(false);
  // What people want to leave behind: only after they have said so.
  const [asksToLeave, setAsksToLeave] = useState(false);
  const body = useRef<HTMLDivElement>(null);

  const isNew = row === undefined;
  const edited = json === undefined ? fromRows(rows) : fromJson(table, json);
  const pending = isNew || edited.item === undefined ? undefined : change(table, before, edited.item);
  const keyChanges = edited.item !== undefined && !isNew && !same(keyOf(table, before), keyOf(table, edited.item));
  const needed = isNew ? "PutItem" : keyChanges ? "TransactWriteItems" : "UpdateItem";
  const mayWrite = may(needed);
  const mayDelete = may("DeleteItem");
  const readOnly = partial || (isNew ? !may("PutItem").allowed : !may("UpdateItem").allowed && !may("TransactWriteItems").allowed);

  const isDirty = !readOnly && (isNew ? isFilled(table, rows, json) : edited.item === undefined || pending !== undefined);
  const leave = () => {
    if (isDirty && !asksToLeave) {
      setAsks(false);
      setAsksToLeave(true);
    } else if (isDirty) setAsksToLeave(false);
    else closed();
  };

  // Browsers close a dialog at the second Escape even if the first one was refused, but not if the key is.
  const latestLeave = useRef(leave);
  latestLeave.current = leave;
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing || event.defaultPrevented) return;
      event.preventDefault();
      latestLeave.current();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  }, []);

  const begin = (item: JsonObject) => {
    setBefore(item);
    setRows(rowsOf(table, item));
    setJson((old) => (old === undefined ? undefined : stringify(item, 2)));
    setFailure(undefined);
    setShowsFaults(false);
  };

  const attempt = async (action: () => Promise<void>) => {
    setRunning(true);
    setFailure(undefined);
    try {
      await action();
    } catch (error) {
      setFailure(failureOf(error, isNew));
      body.current?.scrollTo({ top: 0 });
    } finally {
      setRunning(false);
    }
  };

  const run = ({ action, input }: Change) => execute(datasource, action, stringify(input));

  const save = () => {
    setShowsFaults(true);
    const { item } = edited;
    if (item === undefined) {
      // Once the faults are shown.
      requestAnimationFrame(() => body.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
      return;
    }
    const next = isNew ? insertion(table, item) : pending;
    if (!next) return;
    void attempt(async () => {
      const reply = await run(next);
      // The service's own word on what is there now: another attribute may have been added meanwhile.
      const attributes = isObject(reply.body) ? own(reply.body, "Attributes") : undefined;
      changed(row?.id, isObject(attributes) ? attributes : item);
      closed();
    });
  };

  const remove = () =>
    void attempt(async () => {
      setAsks(false);
      await run(deletion(table, before));
      changed(row?.id, undefined);
      closed();
    });

  const readAgain = () =>
    void attempt(async () => {
      const input: JsonObject = { TableName: table.name, Key: keyOf(table, before) ?? {}, ConsistentRead: true };
      const { body } = await execute(datasource, "GetItem", stringify(input));
      const item = isObject(body) ? own(body, "Item") : undefined;
      if (!isObject(item)) {
        changed(row?.id, undefined);
        throw new Error(texts.tables.itemGone);
      }
      changed(row?.id, item);
      setPartial(false);
      begin(item);
    });

  const loadCurrent = (item: JsonObject) => {
    changed(row?.id, item);
    begin(item);
  };

  const showJson = (shows: boolean) => {
    // What cannot be read stays where it was typed.
    if (shows && json === undefined) {
      if (edited.item === undefined) setShowsFaults(true);
      else setJson(stringify(edited.item, 2));
    } else if (!shows && json !== undefined) {
      if (edited.item === undefined) setShowsFaults(true);
      else {
        setRows(rowsOf(table, edited.item));
        setJson(undefined);
      }
    }
  };

  const title = isNew ? texts.tables.newItem : table.keys.map((key) => preview(own(before, key.name), 60)).join(" · ");
  const canSave = !readOnly && mayWrite.allowed && !running && (isNew || pending !== undefined);
  return (
    <Dialog label={title} kind="sheet" closed={leave}>
      <div class="sheet-head">
        <h2 class={isNew ? "" : "mono"}>{title}</h2>
        {readOnly && <span class="chip">{texts.tables.readOnly}</span>}
        <div class="segments" role="group">
          <button type="button" class="button quiet small" aria-pressed={json === undefined} onClick={() => showJson(false)}>
            {texts.tables.form}
          </button>
          <button type="button" class="button quiet small" aria-pressed={json !== undefined} onClick={() => showJson(true)}>
            {texts.tables.asJson}
          </button>
        </div>
        <button type="button" class="button quiet small icon" aria-label={texts.app.close} onClick={leave}>
          <CloseIcon />
        </button>
      </div>
      <div
        class="sheet-body"
        ref={body}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.isComposing || event.shiftKey || event.altKey) return;
          const withControl = event.ctrlKey || event.metaKey;
          if (!withControl && !(event.target instanceof HTMLInputElement)) return;
          event.preventDefault();
          if (canSave) save();
        }}
      >
        {failure && <FailureBox failure={failure} readAgain={readAgain} begin={loadCurrent} isNew={isNew} />}
        {partial && partialIndex !== undefined && (
          <div class="notice">
            <p>{texts.tables.partial(partialIndex)}</p>
            <div class="actions">
              <button type="button" class="button small" onClick={readAgain} disabled={running || !may("GetItem").allowed}>
                {texts.tables.readWhole}
              </button>
            </div>
          </div>
        )}
        {json === undefined ? (
          <ItemForm rows={rows} readOnly={readOnly} faults={showsFaults ? edited.faults : NO_FAULTS} changed={setRows} focuses={isNew} />
        ) : (
          <div class="field sheet-json">
            <textarea
              class="input mono"
              aria-label={texts.tables.asJson}
              spellcheck={false}
              readOnly={readOnly}
              aria-invalid={edited.fault !== undefined}
              aria-describedby="item-json-fault"
              value={json}
              onInput={(event) => setJson(event.currentTarget.value)}
            />
            <p class="fault" id="item-json-fault" role="status">
              {edited.fault}
            </p>
          </div>
        )}
        {json === undefined && !readOnly && (
          <button type="button" class="button small add-attribute" onClick={() => setRows([...rows, newRow()])}>
            {texts.tables.addAttribute}
          </button>
        )}
      </div>
      <div class="sheet-end">
        <p class="muted">
          {!readOnly && !isNew && (keyChanges ? texts.tables.keyChanges : pending === undefined ? texts.tables.noChange : pending.comparesAll ? texts.tables.condition : texts.tables.conditionOnChanges)}
          {!readOnly && !mayWrite.allowed && ` ${mayWrite.reason ?? ""}`}
        </p>
        {asksToLeave ? (
          <div class="actions" role="alertdialog" aria-label={texts.tables.leaveItem}>
            <span>{texts.tables.leaveItem}</span>
            <button type="button" class="button small" ref={focused} onClick={() => setAsksToLeave(false)}>
              {texts.tables.keepEditing}
            </button>
            <button type="button" class="button small danger" onClick={closed}>
              {texts.tables.discard}
            </button>
          </div>
        ) : asks ? (
          <div class="actions" role="group" aria-label={texts.tables.deleteItem}>
            <span>{texts.tables.deleteItem}</span>
            <button type="button" class="button small" autofocus onClick={() => setAsks(false)}>
              {texts.app.cancel}
            </button>
            <button type="button" class="button small danger" onClick={remove} disabled={running} title={texts.tables.deleteItemHelp}>
              {texts.tables.delete}
            </button>
          </div>
        ) : (
          <div class="actions">
            <CopyButton text={json ?? stringify(before, 2)} />
            {!isNew && !partial && (
              <button type="button" class="button small danger" onClick={() => setAsks(true)} disabled={!mayDelete.allowed} title={mayDelete.reason ?? ""}>
                {texts.tables.delete}
              </button>
            )}
            {!readOnly && (
              <button type="button" class="button small primary" onClick={save} disabled={!canSave}>
                {running ? texts.tables.saving : isNew ? texts.tables.insert : texts.tables.save}
              </button>
            )}
          </div>
        )}
      </div>
    </Dialog>
  );
}

/** The focus goes to a button that has just appeared. */
function focused(button: HTMLButtonElement | null): void {
  button?.focus();
}

/** Whether anything was entered for a new item. */
function isFilled(table: Table, rows: FormRow[], json: string | undefined): boolean {
  if (json === undefined) return rows.length > table.keys.length || rows.some((row) => row.text !== "");
  const { item } = fromJson(table, json);
  return item === undefined || Object.keys(item).length > 0;
}

const NO_FAULTS: ReadonlyMap<number, string> = new Map();

interface Edited {
  item: JsonObject | undefined;
  faults: ReadonlyMap<number, string>;
  /** What is wrong with the JSON. */
  fault?: string;
}

function fromRows(rows: FormRow[]): Edited {
  const { item, faults } = itemOf(rows);
  return { item: faults.size === 0 ? item : undefined, faults };
}

function fromJson(table: Table, text: string): Edited {
  const wrong = (fault: string): Edited => ({ item: undefined, faults: NO_FAULTS, fault });
  let item: Json;
  try {
    item = parse(text);
  } catch (error) {
    return wrong(located(text, error instanceof Error ? error.message : String(error)));
  }
  if (!isObject(item)) return wrong(texts.tables.notObject);
  for (const [name, value] of Object.entries(item)) {
    if (!untag(value)) return wrong(texts.tables.notTyped(name));
  }
  for (const { name, type } of table.keys) {
    if (untag(own(item, name))?.tag !== type) return wrong(texts.tables.keyMissing(name, texts.tables.types[type] ?? type));
  }
  return { item, faults: NO_FAULTS };
}

/** Why nothing was saved. If the item has changed, it may be known what it is now. */
interface Failure {
  problem: Problem;
  requestId: string | undefined;
  kind: "changed" | "exists" | "other";
  current: JsonObject | undefined;
}

function failureOf(error: unknown, isNew: boolean): Failure {
  const problem = problemOf(error);
  const requestId = error instanceof ProblemError ? error.requestId : undefined;
  const details = error instanceof ProblemError ? detailsOf(error.text) : undefined;
  const reasons = details && own(details, "CancellationReasons");
  const failed = (Array.isArray(reasons) ? reasons : []).map((reason) => isObject(reason) && own(reason, "Code") === "ConditionalCheckFailed");
  const current = details && own(details, "Item");
  const known = { problem, requestId, current: isObject(current) ? current : undefined };
  if (failed[0]) return { ...known, kind: "changed" };
  if (failed[1]) return { ...known, kind: "exists" };
  if (problem.code?.includes("ConditionalCheckFailed")) return { ...known, kind: isNew ? "exists" : "changed" };
  return { ...known, kind: "other" };
}

/** The details of a problem, with every digit. */
function detailsOf(text: string): JsonObject | undefined {
  try {
    const document = parse(text);
    const details = isObject(document) ? own(document, "details") : undefined;
    return isObject(details) ? details : undefined;
  } catch {
    return undefined;
  }
}

function FailureBox({ failure, readAgain, begin, isNew }: { failure: Failure; readAgain: () => void; begin: (item: JsonObject) => void; isNew: boolean }) {
  if (failure.kind === "other") return <ProblemBox problem={failure.problem} requestId={failure.requestId} />;
  const detail = failure.kind === "changed" ? texts.tables.itemChanged : texts.tables.itemExists;
  const { current } = failure;
  return (
    <ProblemBox problem={{ ...failure.problem, detail, hint: "" }} requestId={failure.requestId}>
      {failure.kind === "changed" && !isNew && (
        <button type="button" class="button small" onClick={() => (current ? begin(current) : readAgain())}>
          {texts.tables.loadCurrent}
        </button>
      )}
    </ProblemBox>
  );
}

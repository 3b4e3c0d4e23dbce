// The items of a table: search, read, select, change.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { type JsonObject, stringify } from "../api/json";
import type { Table } from "../api/types";
import { PlusIcon } from "../app/icons";
import { ProblemBox } from "../app/problem";
import { route, setParams } from "../app/route";
import { Export } from "../results/export-menu";
import { texts } from "../texts";
import { type Tag, untag } from "./attribute";
import { Builder } from "./builder";
import { DeleteItems } from "./delete-items";
import { count } from "../app/figures";
import { exportable } from "./export";
import { ItemGrid } from "./grid";
import { ItemDialog } from "./item-dialog";
import { type Row, useReader } from "./reading";
import { build } from "./request";
import { EVERYTHING, fromParams, toParams } from "./search";
import type { May } from "./view";

interface Props {
  datasource: string;
  table: Table;
  may: May;
  /** Called when there are more items of the table, or fewer. */
  counted: (by: number) => void;
}

/** The tab with the items. */
export function Items({ datasource, table, may, counted }: Props) {
  const applied = fromParams(route.value.params);
  const appliedText = JSON.stringify(applied);
  const [draft, setDraft] = useState(applied);
  const [showsFaults, setShowsFaults] = useState(false);
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [opened, setOpened] = useState<Row | "new">();
  const [deletes, setDeletes] = useState(false);
  // The list of tables may be loaded again. Only another table is another table.
  const shape = JSON.stringify([table.name, table.keys, table.indexes]);
  const stable = useMemo(() => table, [shape]);
  const reader = useReader(datasource, stable);
  const { reading } = reader;
  const built = useMemo(() => build(stable, draft), [stable, draft]);

  // The URL decides what is read: a bookmark, the back button and the button "Run" all go this way.
  const run = (text: string) => {
    const search = JSON.parse(text) as typeof applied;
    const request = build(stable, search);
    setSelected(new Set());
    if (Object.keys(request.faults).length === 0) reader.begin(request);
    else setShowsFaults(true);
  };
  // What is typed is replaced only by another search in the URL, and not because this view was just shown or the table
  // was described again.
  const drafted = useRef(appliedText);
  useLayoutEffect(() => {
    if (drafted.current !== appliedText) setDraft(JSON.parse(appliedText) as typeof applied);
    drafted.current = appliedText;
  }, [appliedText]);
  useEffect(() => run(appliedText), [appliedText, stable]);
  const bar = useRef<HTMLDivElement>(null);
  const submit = () => {
    setShowsFaults(true);
    if (Object.keys(built.faults).length > 0) return;
    // On a narrow screen, what is found is below the search.
    if (matchMedia("(max-width: 720px)").matches) bar.current?.scrollIntoView();
    const text = JSON.stringify(draft);
    if (text === JSON.stringify(fromParams(new URLSearchParams(present(toParams(draft))))) && text === appliedText) run(text);
    else setParams(toParams(draft), false);
  };

  // What was seen stays known, also when a search finds nothing.
  const known = useRef<{ table: Table; types: ReadonlyMap<string, Tag> }>(undefined);
  const seen = useMemo(() => {
    const before = known.current?.table === stable ? known.current.types : [];
    const types = new Map<string, Tag>([...before, ...table.keys.map((key) => [key.name, key.type as Tag] as const)]);
    for (const row of reading.rows.slice(0, 500)) {
      for (const [name, value] of Object.entries(row.item)) {
        const tag = untag(value)?.tag;
        if (tag && !types.has(name)) types.set(name, tag);
      }
    }
    known.current = { table: stable, types };
    return types;
  }, [table, reading.rows]);

  // The rows are still those of the search before: the form has changed since, or the search was stopped or has failed.
  const isOther = !reading.loading && reading.request !== undefined && stringify(reading.request.input) !== stringify(build(stable, applied).input);
  const isChanged = isOther || JSON.stringify(toParams(draft)) !== JSON.stringify(toParams(applied));
  const mayDelete = may("BatchWriteItem");
  const mayPut = may("PutItem");
  const chosen = reading.rows.filter((row) => selected.has(row.id));
  // The rows are those of the last search that succeeded.
  const index = table.indexes.find((one) => one.name === reading.request?.input["IndexName"]);
  const partialIndex = index !== undefined && index.projection !== "ALL" ? index.name : undefined;
  const isEverything = JSON.stringify({ ...applied, limit: 0, index: "" }) === JSON.stringify({ ...EVERYTHING, limit: 0 });
  return (
    <div class="items">
      <Builder
        datasource={datasource}
        table={table}
        search={draft}
        built={built}
        showsFaults={showsFaults}
        seen={seen}
        loading={reading.loading}
        changed={setDraft}
        run={submit}
        stop={reader.stop}
      />
      <div class="items-bar" ref={bar}>
        <p class="muted" role="status">
          {selected.size > 0
            ? texts.tables.selected(chosen.length)
            : isChanged
              ? texts.tables.notRun
              : [
                texts.tables.loaded(count(reading.rows.length), count(Math.max(reading.scanned, reading.rows.length))),
                reading.scanned > 0 && texts.tables.capacity(String(Math.round(reading.capacity * 10) / 10)),
                reading.time > 0 && texts.tables.milliseconds(String(Math.round(reading.time))),
              ]
                .filter(Boolean)
                .join(" · ")}
        </p>
        <div class="actions">
          {chosen.length > 0 && (
            <button type="button" class="button small danger" onClick={() => setDeletes(true)}>
              {texts.tables.deleteSelected}
            </button>
          )}
          {reading.cursor !== undefined && (
            <button type="button" class="button small" onClick={() => !reading.loading && !isChanged && reader.more()} aria-disabled={reading.loading || isChanged} title={isChanged ? texts.tables.runFirst : ""}>
              {texts.tables.nextPage}
            </button>
          )}
          {reading.rows.length > 0 && (
            <Export of={reading.search} run={() => exportable(datasource, stable, reading)} name={table.name} keys={stable.keys.map((key) => key.name)} hasMore={reading.cursor !== undefined} />
          )}
          <button type="button" class="button small" onClick={() => setOpened("new")} disabled={!mayPut.allowed} title={mayPut.reason ?? ""}>
            <PlusIcon />
            {texts.tables.newItem}
          </button>
        </div>
      </div>
      {reading.problem && (
        <div class="pane-message">
          <ProblemBox problem={reading.problem} />
        </div>
      )}
      {reading.rows.length > 0 ? (
        <ItemGrid table={table} rows={reading.rows} leading={applied.filters.map((filter) => filter.attribute)} search={reading.search} selected={selected} select={setSelected} open={setOpened} selectable={mayDelete.allowed} />
      ) : (
        <Nothing loading={reading.loading} begun={reading.search > 0} failed={reading.problem !== undefined} isEverything={isEverything} scanned={reading.scanned} more={reading.cursor !== undefined} />
      )}
      {opened !== undefined && (
        <ItemDialog
          datasource={datasource}
          table={stable}
          row={opened === "new" ? undefined : opened}
          partialIndex={opened === "new" ? undefined : partialIndex}
          may={may}
          closed={() => setOpened(undefined)}
          changed={(id: string | undefined, item: JsonObject | undefined) => {
            if (id !== undefined) {
              if (item === undefined && reading.rows.some((row) => row.id === id)) counted(-1);
              reader.replace(id, item);
              setSelected((old) => new Set([...old].filter((one) => one !== id)));
            } else if (item !== undefined) {
              counted(1);
              reader.add(item);
            }
          }}
        />
      )}
      {deletes && (
        <DeleteItems
          datasource={datasource}
          table={stable}
          rows={chosen}
          closed={() => {
            setDeletes(false);
            // The button that opened the dialog goes with the selection.
            requestAnimationFrame(() => document.activeElement === document.body && document.querySelector<HTMLElement>(".item-grid, .items-bar button")?.focus());
          }}
          deleted={(id) => {
            counted(-1);
            reader.replace(id, undefined);
            setSelected((old) => new Set([...old].filter((one) => one !== id)));
          }}
        />
      )}
    </div>
  );
}

function present(params: Record<string, string | undefined>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** What is shown instead of rows. */
function Nothing({ loading, begun, failed, isEverything, scanned, more }: { loading: boolean; begun: boolean; failed: boolean; isEverything: boolean; scanned: number; more: boolean }) {
  if (loading) return <div class="loading" aria-busy="true" />;
  if (failed || !begun) return <div class="empty" />;
  const [title, help] = more
    ? [texts.tables.noMatches, texts.tables.noMatchesYet(count(scanned))]
    : isEverything
      ? [texts.tables.noItems, texts.tables.noItemsHelp]
      : [texts.tables.noMatches, texts.tables.noMatchesHelp];
  return (
    <div class="empty">
      <h2>{title}</h2>
      <p>{help}</p>
    </div>
  );
}

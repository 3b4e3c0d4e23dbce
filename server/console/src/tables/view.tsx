// The tables of a datasource: the list, and the chosen table next to it.

import { useEffect, useRef, useState } from "preact/hooks";
import { datasourceActions, structure } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import type { DatasourceActions, Table } from "../api/types";
import { datasources } from "../app/datasources";
import { useLoad } from "../app/load";
import { ProblemBox } from "../app/problem";
import { href, navigate, route } from "../app/route";
import { texts } from "../texts";
import { type Changes, useChanges } from "./counts";
import { CreateTable } from "./create-table";
import { TableList } from "./list";
import { TablePane } from "./pane";
import "./tables.css";

/** Whether a datasource may run an action, and why not. */
export type May = (action: string) => { allowed: boolean; reason: string | undefined };

function may(actions: DatasourceActions | undefined): May {
  return (name) => {
    const known = actions?.actions.find((action) => action.name === name);
    // Until they are known, nothing is offered.
    return { allowed: known?.allowed ?? false, reason: known?.reason ?? undefined };
  };
}

/** What creates the demo's tables. */
const DEMO_ACTIONS = ["CreateTable", "BatchWriteItem", "PutItem"];

/** The view. */
export function TablesView({ datasource }: { datasource: string }) {
  const [search, setSearch] = useState("");
  const [isPrefix, setIsPrefix] = useState(false);
  const prefix = useDelayed(isPrefix ? search : "", 300);
  const list = useLoad((signal) => structure(datasource, prefix, signal), [datasource, prefix]);
  useEffect(() => {
    if (list.value?.more === true) setIsPrefix(true);
  }, [list.value]);
  const actions = useLoad((signal) => datasourceActions(datasource, signal), [datasource]);
  const { changes, changed } = useChanges();
  const [creates, setCreates] = useState(false);
  const [demo, setDemo] = useState<{ running?: boolean; done?: boolean; problem?: Problem }>({});
  const name = route.value.path[3];
  const table = list.value?.tables.find((one) => one.name === name);
  // The table may have been created since the list was loaded.
  const asked = useRef<string>(undefined);
  useEffect(() => {
    if (name === undefined || asked.current === name || !list.value || list.loading || table || isPrefix) return;
    asked.current = name;
    list.reload();
  }, [name, list.value, list.loading, table, isPrefix]);
  const mayDo = may(actions.value);
  const isEmpty = list.value !== undefined && list.value.tables.length === 0 && prefix === "";
  // Nobody wants the demo in a database of their own.
  const isEmbedded = datasources.value.list?.datasources.some((one) => one.name === datasource && one.embedded === true) ?? false;
  const offersDemo = isEmbedded && list.value?.more === false && DEMO_ACTIONS.every((action) => mayDo(action).allowed);
  const createDemo = async () => {
    setDemo({ running: true });
    let first: string | undefined;
    try {
      const { createDemoTables } = await import("./demo");
      first = await createDemoTables(datasource);
      setDemo({ done: true });
    } catch (error) {
      setDemo({ problem: problemOf(error) });
    }
    list.reload();
    if (first !== undefined) navigate(href(["d", datasource, "tables", first]));
    // The button goes away, and the focus must not go with it.
    if (document.activeElement === document.body || document.activeElement?.closest(".empty")) document.getElementById("main")?.focus();
  };
  return (
    <main class={`tables ${name === undefined ? "" : "has-table"}`}>
      <h1 class="visually-hidden">{texts.tables.title}</h1>
      <TableList datasource={datasource} list={list} changes={changes} chosen={name} search={search} searched={setSearch} isPrefix={isPrefix} create={mayDo("CreateTable").allowed ? () => setCreates(true) : undefined} />
      <section class="table-pane">
        {list.problem && (
          <div class="pane-message">
            <ProblemBox problem={list.problem}>
              <button type="button" class="button small" onClick={list.reload}>
                {texts.app.retry}
              </button>
            </ProblemBox>
          </div>
        )}
        {name === undefined && demo.problem && (
          <div class="pane-message">
            <ProblemBox problem={demo.problem} />
          </div>
        )}
        {name !== undefined && <Chosen datasource={datasource} name={name} table={table} loading={list.loading} failed={list.problem !== undefined} isWhole={!isPrefix} may={mayDo} changes={changes} changed={changed} />}
        {name === undefined && list.value && list.value.tables.length > 0 && (
          <div class="empty">
            <h2>{texts.tables.choose}</h2>
            <p>{texts.tables.chooseHelp}</p>
          </div>
        )}
        {name === undefined && isEmpty && (
          <div class="empty">
            <h2>{texts.tables.none}</h2>
            <p>
              {mayDo("CreateTable").allowed ? texts.tables.noneHelp : texts.tables.noneDenied}
              {offersDemo && ` ${texts.tables.demoHelp}`}
            </p>
            {mayDo("CreateTable").allowed && (
              <div class="actions">
                <button type="button" class="button primary" onClick={() => setCreates(true)}>
                  {texts.tables.create}
                </button>
                {offersDemo && (
                  <button type="button" class="button" onClick={() => void createDemo()} disabled={demo.running === true}>
                    {demo.running ? texts.tables.creating : texts.tables.demo}
                  </button>
                )}
              </div>
            )}
          </div>
        )}
        <p class="visually-hidden" role="status">
          {demo.done && texts.tables.demoCreated}
        </p>
      </section>
      {creates && <CreateTable datasource={datasource} closed={() => setCreates(false)} created={list.reload} />}
    </main>
  );
}

/** A value once it has not changed for some time. */
function useDelayed(value: string, time: number): string {
  const [delayed, setDelayed] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(value), time);
    return () => clearTimeout(timer);
  }, [value, time]);
  return delayed;
}

interface ChosenProps {
  datasource: string;
  name: string;
  table: Table | undefined;
  loading: boolean;
  /** Whether the list could not be loaded. */
  failed: boolean;
  /** Whether the list has all tables. */
  isWhole: boolean;
  may: May;
  changes: Changes;
  changed: (table: Table, by: number) => void;
}

function Chosen({ datasource, name, table, loading, failed, isWhole, may, changes, changed }: ChosenProps) {
  // The list may lack the table: it is loaded again, or shows only names that begin with something else.
  const [last, setLast] = useState(table);
  const isMissing = table === undefined && !loading && !failed && last?.name !== name;
  const looked = useLoad(
    async (signal) => (isMissing && !isWhole ? (await structure(datasource, name, signal)).tables.find((one) => one.name === name) : undefined),
    [datasource, name, isMissing, isWhole],
  );
  useEffect(() => {
    if (table) setLast(table);
    else if (looked.value) setLast(looked.value);
    else if (!loading && !failed && isWhole) setLast(undefined);
  }, [table, looked.value, loading, failed, isWhole]);
  const shown = table ?? (last?.name === name ? last : undefined);
  if (shown?.error !== undefined) {
    return (
      <div class="empty">
        <h2 class="mono">{name}</h2>
        <p>{texts.tables.notDescribed(shown.error)}</p>
        <a class="button" href={href(["d", datasource, "query"])}>
          {texts.tables.toQuery}
        </a>
      </div>
    );
  }
  if (shown) return <TablePane key={name} datasource={datasource} table={shown} may={may} changes={changes} changed={changed} />;
  if (looked.problem) return <ProblemBox problem={looked.problem} />;
  if (failed) return null;
  if (loading || looked.loading || looked.value) return <div class="loading" aria-busy="true" />;
  return (
    <div class="empty">
      <h2>{texts.tables.noSuchTable(name)}</h2>
      <p>{texts.tables.noSuchTableHelp}</p>
      <a class="button" href={href(["d", datasource, "tables"])}>
        {texts.tables.back}
      </a>
    </div>
  );
}

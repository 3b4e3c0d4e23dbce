// The first page: the datasources that may be used.

import { useEffect, useState } from "preact/hooks";
import { deleteDatasource, readDatasource, test } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import type { Datasource, DatasourceList } from "../api/types";
import { texts } from "../texts";
import { isUsable, mayConnect, reloadDatasources } from "./datasources";
import { Dialog } from "./dialog";
import { focusHeading } from "./focus";
import { ProblemBox } from "./problem";
import { href, navigate } from "./route";
import { RulesButton } from "./rules";
import { Scroll } from "./scroll";

/** The list of datasources. */
export function Home({ list }: { list: DatasourceList }) {
  const { datasources, store } = list;
  const only = datasources.length === 1 && store === undefined ? datasources[0] : undefined;
  // A server for one database, such as `serve --local`, needs no list.
  useEffect(() => {
    if (only) navigate(href(["d", only.name, "tables"]), true);
  }, [only?.name]);
  const [deleted, setDeleted] = useState<Datasource>();
  if (only) return <div class="loading" aria-busy="true" />;
  return (
    <main class="page">
      <div class="spread">
        <h1>{texts.home.title}</h1>
        <a class={mayConnect(list) ? "button primary" : "button"} href={href(["connect"])}>
          {texts.home.connect}
        </a>
      </div>
      {store && store.state !== "ready" && (
        <div class="notice warning" role="status">
          <p>{texts.home.storeUnavailable}</p>
          {store.reason && <p>{store.reason}</p>}
        </div>
      )}
      {datasources.length === 0 ? (
        <div class="panel empty">
          <h2>{texts.home.none}</h2>
          <p>{texts.home.noneHelp}</p>
        </div>
      ) : (
        <Scroll label={texts.home.title}>
          <table class="grid cards">
            <thead>
              <tr>
                <th scope="col">{texts.home.name}</th>
                <th scope="col">{texts.home.access}</th>
                <th scope="col">{texts.home.from}</th>
                <th scope="col">{texts.home.state}</th>
                <th scope="col">
                  <span class="visually-hidden">{texts.home.actions}</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {datasources.map((source) => (
                // A saved datasource may have the name of one of the policy, which hides it.
                <Row key={`${source.origin} ${source.name}`} source={source} isUsable={isUsable(source, list)} remove={() => setDeleted(source)} />
              ))}
            </tbody>
          </table>
        </Scroll>
      )}
      {list.next !== undefined && <p class="muted">{texts.home.more(datasources.length)}</p>}
      {deleted && <DeleteDialog source={deleted} closed={() => setDeleted(undefined)} />}
    </main>
  );
}

/** A datasource. For one that is not usable, the server says only what it may do, so there is no other button. */
function Row({ source, isUsable, remove }: { source: Datasource; isUsable: boolean; remove: () => void }) {
  const [result, setResult] = useState<{ message?: string; problem?: Problem; running?: boolean }>({});
  const run = () => {
    if (result.running) return;
    setResult({ running: true });
    test(source.name).then(
      ({ message }) => setResult({ message }),
      (error: unknown) => setResult({ problem: problemOf(error) }),
    );
  };
  const isStored = source.origin === "store";
  return (
    <>
      <tr>
        <td class="name">
          {isUsable ? <a href={href(["d", source.name, "tables"])}>{source.name}</a> : source.name}
          {source.tenant && <span class="muted"> {source.tenant}</span>}
        </td>
        <td>
          {source.access && <span class={`chip ${source.access}`}>{source.access}</span>}
        </td>
        <td class="muted">{isStored ? texts.home.template(source.template ?? "") : texts.home.policy}</td>
        <td>
          <DatasourceState source={source} />
        </td>
        <td>
          <div class="actions row-end">
            {isUsable && (
              <>
                <button type="button" class="button small" onClick={run} aria-disabled={result.running === true} aria-label={texts.home.testOf(source.name)}>
                  {texts.home.test}
                </button>
                <a class="button small" href={href(["d", source.name, "query"])} aria-label={texts.home.queryOf(source.name)}>
                  {texts.app.query}
                </a>
              </>
            )}
            <RulesButton datasource={source.name} kind="button small" label={texts.rules.of(source.name)} />
            {isStored && isUsable && (
              <>
                <a class="button small" href={href(["connect"], { edit: source.name })} aria-label={texts.home.editOf(source.name)}>
                  {texts.home.edit}
                </a>
                <button type="button" class="button small danger" onClick={remove} aria-label={texts.home.deleteOf(source.name)}>
                  {texts.home.delete}
                </button>
              </>
            )}
          </div>
        </td>
      </tr>
      {(result.problem || result.message) && (
        <tr>
          <td colSpan={5}>
            {result.problem ? (
              <ProblemBox problem={result.problem} />
            ) : (
              <p class="notice ok" role="status">
                {result.message}
              </p>
            )}
          </td>
        </tr>
      )}
    </>
  );
}

/** The state of a datasource, with the reason if there is one. */
export function DatasourceState({ source }: { source: Datasource }) {
  const kind = source.state === "connected" || source.state === "ready" ? "ok" : source.state === "idle" ? "" : "bad";
  return (
    <>
      <span class={`state-dot ${kind}`}>{texts.home.states[source.state] ?? source.state}</span>
      {source.reason && <p class="muted">{source.reason}</p>}
    </>
  );
}

function DeleteDialog({ source, closed }: { source: Datasource; closed: () => void }) {
  const [problem, setProblem] = useState<Problem>();
  const [running, setRunning] = useState(false);
  const remove = async () => {
    if (running) return;
    setRunning(true);
    try {
      const { etag } = await readDatasource(source.name);
      await deleteDatasource(source.name, etag);
      closed();
      await reloadDatasources();
      // The row with the button that opened the dialog is gone.
      requestAnimationFrame(() => focusHeading());
    } catch (error) {
      setProblem(problemOf(error));
      setRunning(false);
    }
  };
  return (
    <Dialog label={texts.home.deleteOf(source.name)} closed={closed}>
      <div class="dialog-body">
        <h2>{texts.home.deleteOf(source.name)}</h2>
        <p>{texts.home.deleteHelp}</p>
        {problem && <ProblemBox problem={problem} />}
        <div class="dialog-end">
          <button type="button" class="button" onClick={closed} autofocus>
            {texts.app.cancel}
          </button>
          <button type="button" class="button danger" onClick={() => void remove()} aria-disabled={running}>
            {texts.home.delete}
          </button>
        </div>
      </div>
    </Dialog>
  );
}

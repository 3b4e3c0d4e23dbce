// The results of a run: as a table, a tree or JSON, with what is known about the run, the next page, and the export.

import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Fault } from "../api/problem";
import { CopyButton } from "../app/copy";
import { EditorView } from "../query/editor-view";
import { texts } from "../texts";
import { sum } from "./decimal";
import { Export } from "./export-menu";
import { Failure } from "./failure";
import { readingAt } from "./found";
import { Grid } from "./grid";
import { cursorOf, type Page, type Run } from "./run";
import { Tree } from "./tree";
import { indented } from "./write";

/** How results are shown. */
export type ResultView = "table" | "tree" | "json";
const VIEWS: readonly ResultView[] = ["table", "tree", "json"];

export interface ResultsProps {
  run: Run | undefined;
  /** The action that is being written. */
  action: string | undefined;
  /** The key attributes of the table that was asked. */
  keys: readonly string[];
  /** The chosen view, or `undefined` for the one that suits the results. */
  view: ResultView | undefined;
  setView: (view: ResultView) => void;
  nextPage: () => void;
  goTo: (fault: Fault) => void;
}

/** The results of a run. */
export function Results(props: ResultsProps) {
  const { run, keys } = props;
  const t = texts.query.results;
  const view = props.view ?? suitable(run);
  const [page, setPage] = useState(0);
  useEffect(() => setPage(Math.max(0, (run?.pages.length ?? 1) - 1)), [run?.id, run?.pages.length]);
  const shown = run?.pages[Math.min(page, run.pages.length - 1)];
  const hasMore = run !== undefined && cursorOf(run) !== undefined;
  return (
    <section class="results" aria-label={t.label} aria-busy={run?.status === "running"}>
      <div class="results-bar">
        <Views view={view} setView={props.setView} />
        {run && <Facts run={run} current={props.action} />}
        {run && run.pages.length > 0 && (
          <div class="results-actions">
            {view !== "table" && run.pages.length > 1 && (
              <select
                class="input small"
                aria-label={t.choosePage}
                value={page}
                onChange={(event) => setPage(Number(event.currentTarget.value))}
              >
                {run.pages.map((_, index) => (
                  <option key={index} value={index}>
                    {t.page(index + 1)}
                  </option>
                ))}
              </select>
            )}
            {view !== "table" && shown && <CopyButton text={shown.document.text} label={t.copyJson} />}
            {run.action.paging &&
              (hasMore ? (
                // Not disabled while it reads: the button would lose the focus.
                <button
                  type="button"
                  class="button small"
                  aria-disabled={run.status === "running"}
                  onClick={props.nextPage}
                >
                  {t.nextPage}
                </button>
              ) : (
                <span class="muted small-print" tabIndex={-1}>
                  {t.lastPage}
                </span>
              ))}
            {run.rows.length > 0 && <Export of={run.id} run={() => run} name={run.request.action} keys={keys} hasMore={hasMore} />}
          </div>
        )}
      </div>
      {run?.error && <Failure error={run.error} goTo={props.goTo} />}
      {run && <Missing run={run} />}
      <div class="results-body">
        <Body run={run} shown={shown} view={view} keys={keys} />
      </div>
    </section>
  );
}

/** Rows are best seen in a table, and a single object in a tree. */
function suitable(run: Run | undefined): ResultView {
  const first = run?.pages[0];
  return first === undefined || first.found.isList ? "table" : "tree";
}

function Views({ view, setView }: { view: ResultView; setView: (view: ResultView) => void }) {
  const t = texts.query.results;
  return (
    <div class="segmented" role="radiogroup" aria-label={t.viewAs}>
      {VIEWS.map((one) => (
        <label key={one} class={one === view ? "chosen" : ""}>
          <input
            type="radio"
            name="result-view"
            class="visually-hidden"
            checked={one === view}
            onChange={() => setView(one)}
          />
          {t.views[one]}
        </label>
      ))}
    </div>
  );
}

/** What is known about the run. */
function Facts({ run, current }: { run: Run; current: string | undefined }) {
  const t = texts.query.results;
  const last = run.pages.at(-1);
  const isRunning = run.status === "running";
  const parts: ComponentChildren[] = [];
  // The results of one action stay while the next one is being written.
  if (run.action.name !== current) parts.push(<span class="ran-action">{run.action.name}</span>);
  if (last) {
    const isList = run.pages[0]?.found.isList ?? false;
    if (run.pages.length > 1) parts.push(t.rowsLoaded(run.rows.length, run.pages.length));
    else if (isList) parts.push(t.items(run.rows.length));
    // What was counted without being returned, and how many were read for it.
    if (last.found.count !== undefined && last.found.count !== String(last.found.rows.length))
      parts.push(t.count(last.found.count));
    if (last.found.scanned !== undefined && last.found.scanned !== last.found.count)
      parts.push(t.scanned(last.found.scanned));
    if (!isRunning) parts.push(<span title={t.timeTitle}>{t.time(last.reply.time)}</span>);
    if (!isRunning && last.reply.attempts !== undefined)
      parts.push(<span title={t.attemptsTitle}>{run.pages.length > 1 ? t.ofLastPage(t.attempts(last.reply.attempts)) : t.attempts(last.reply.attempts)}</span>);
    const units = run.pages.flatMap((page) => page.found.capacity.map((one) => one.units));
    if (units.length > 0) parts.push(t.capacity(sum(units)));
    if (last.reply.requestId !== undefined) {
      parts.push(
        <span class="request-id">
          {run.pages.length > 1 ? t.ofLastPage(t.requestId) : t.requestId} <code>{last.reply.requestId}</code>
        </span>,
      );
    }
  }
  return (
    <div class="facts" role="status">
      {isRunning ? <Elapsed since={run.since} /> : run.status === "cancelled" && <strong>{t.cancelled}</strong>}
      {parts.map((part, index) => (
        <span class="fact" key={index}>
          {part}
        </span>
      ))}
    </div>
  );
}

function Elapsed({ since }: { since: number }) {
  const [now, setNow] = useState(performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(performance.now()), 100);
    return () => clearInterval(timer);
  }, []);
  const t = texts.query.results;
  return (
    <strong class="running">
      {t.running} {now - since > 500 && <span aria-hidden="true">{t.time(now - since)}</span>}
    </strong>
  );
}

function Missing({ run }: { run: Run }) {
  const t = texts.query.results;
  const all = run.pages.flatMap((page) => page.found.missing);
  if (all.length === 0) return null;
  return (
    <ul class="missing" role="alert">
      {all.slice(0, 10).map((one, index) => (
        <li key={index}>
          {one.kind === "unprocessed"
            ? t.unprocessed(one.tables.join(", "))
            : t.statementFailed(one.position, one.code, one.message)}
        </li>
      ))}
      {all.length > 10 && <li>{t.moreFailed(all.length - 10)}</li>}
    </ul>
  );
}

interface BodyProps {
  run: Run | undefined;
  shown: Page | undefined;
  view: ResultView;
  keys: readonly string[];
}

function Body({ run, shown, view, keys }: BodyProps) {
  const t = texts.query.results;
  if (!run) {
    return (
      <div class="empty">
        <h2>{t.idle}</h2>
        <p>{t.idleHelp}</p>
      </div>
    );
  }
  if (!shown) {
    if (run.status === "cancelled") {
      return (
        <div class="empty">
          <h2>{t.cancelled}</h2>
          <p>{t.cancelledHelp}</p>
        </div>
      );
    }
    return null;
  }
  const { document, found, reply } = shown;
  const isReadable = document.root !== undefined && document.mistakes.length === 0;
  if (!isReadable) {
    return (
      <div class="unreadable">
        <p class="muted pad">{reply.text === "" ? t.done : t.unreadable}</p>
        {reply.text !== "" && <pre class="pad">{reply.text.slice(0, 200_000)}</pre>}
      </div>
    );
  }
  if (view === "json") return <JsonView page={shown} />;
  if (view === "tree") {
    const { format } = run.request.options;
    return (
      <Tree
        key={reply.requestId}
        root={document.root!}
        source={document.text}
        reading={(path) => readingAt(path, format)}
        label={run.action.name}
      />
    );
  }
  const counts = run.pages.flatMap((page) => page.found.count ?? []);
  if (run.rows.length === 0 && counts.some((count) => count !== "0")) {
    return (
      <div class="empty">
        <h2>{t.counted(sum(counts))}</h2>
        <p>{found.cursor === undefined ? t.countedHelp : t.noItemsMore}</p>
      </div>
    );
  }
  if (run.rows.length === 0) {
    return (
      <div class="empty">
        <h2>{found.isList ? t.noItems : t.done}</h2>
        {found.isList && <p>{found.cursor === undefined ? t.noItemsHelp : t.noItemsMore}</p>}
      </div>
    );
  }
  const single = run.pages.find((page) => page.found.single !== "")?.found.single ?? "";
  return <Grid key={run.id} rows={run.rows} keys={keys} single={single} label={run.action.name} />;
}

function JsonView({ page }: { page: Page }) {
  const { document } = page;
  const text = useMemo(() => (document.root ? indented(document.root, document.text) : document.text), [page]);
  return <EditorView text={text} label={texts.query.editor.readOnly} readOnly class="json-view" />;
}

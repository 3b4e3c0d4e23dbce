// The menu of formats in which results are exported.

import { useEffect, useRef, useState } from "preact/hooks";
import { problemOf } from "../api/problem";
import { Menu } from "../query/menu";
import { texts } from "../texts";
import { download, exportRows, fileName, type FileFormat } from "./export";
import type { Run } from "./run";

/** The export, with its progress. */
export function Export({ run, keys, hasMore }: { run: Run; keys: readonly string[]; hasMore: boolean }) {
  const t = texts.query.results;
  const [status, setStatus] = useState("");
  const abort = useRef<AbortController | undefined>(undefined);
  const [isRunning, setRunning] = useState(false);
  useEffect(() => () => abort.current?.abort(), [run.id]);
  const start = async (format: FileFormat, all: boolean) => {
    abort.current?.abort();
    const controller = new AbortController();
    abort.current = controller;
    setRunning(true);
    try {
      const { blob, rows } = await exportRows(run, format, keys, all, controller.signal, ({ rows, pages }) =>
        setStatus(t.exporting(rows, pages)),
      );
      download(blob, fileName(run.request.datasource, run.request.action, format, all));
      setStatus(t.exported(rows));
    } catch (error) {
      setStatus(controller.signal.aborted ? t.exportCancelled : t.exportFailed(problemOf(error).detail));
    } finally {
      if (abort.current === controller) setRunning(false);
    }
  };
  const choices: [string, FileFormat, boolean][] = [
    [t.csvLoaded, "csv", false],
    [t.ndjsonLoaded, "ndjson", false],
    ...(hasMore
      ? ([
          [t.csvAll, "csv", true],
          [t.ndjsonAll, "ndjson", true],
        ] as [string, FileFormat, boolean][])
      : []),
  ];
  return (
    <>
      <span class="export-status" role="status">
        {status}
      </span>
      {isRunning ? (
        <button type="button" class="button small" onClick={() => abort.current?.abort()}>
          {texts.query.toolbar.cancel}
        </button>
      ) : (
        <Menu label={t.exportAs} name={t.exportAs} end>
          {(close) => (
            <div class="menu-list">
              {choices.map(([label, format, all]) => (
                <button
                  key={label}
                  type="button"
                  class="menu-item"
                  onClick={() => {
                    close();
                    void start(format, all);
                  }}
                >
                  {label}
                </button>
              ))}
              <p class="menu-note">{t.exportHelp}</p>
            </div>
          )}
        </Menu>
      )}
    </>
  );
}

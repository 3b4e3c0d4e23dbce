// The menu of formats in which results are exported.

import { useEffect, useRef, useState } from "preact/hooks";
import { problemOf } from "../api/problem";
import { Menu } from "../query/menu";
import { texts } from "../texts";
import { download, type Exportable, exportRows, fileName, type FileFormat } from "./export";

export interface ExportProps {
  /** Identifies what is shown. If something else is shown, a running export ends. */
  of: number;
  run: () => Exportable;
  /** The action or the table, for the name of the file. */
  name: string;
  keys: readonly string[];
  /** Whether there are more pages than those that are known. */
  hasMore: boolean;
}

/** The export, with its progress. */
export function Export({ of, run, name, keys, hasMore }: ExportProps) {
  const t = texts.query.results;
  const [status, setStatus] = useState("");
  const abort = useRef<AbortController | undefined>(undefined);
  const cancel = useRef<HTMLButtonElement>(null);
  const [isRunning, setRunning] = useState(false);
  useEffect(
    () => () => {
      abort.current?.abort();
      abort.current = undefined;
      setRunning(false);
      setStatus("");
    },
    [of],
  );
  const start = async (format: FileFormat, all: boolean) => {
    abort.current?.abort();
    const controller = new AbortController();
    abort.current = controller;
    setRunning(true);
    try {
      const source = run();
      const { blob, rows } = await exportRows(source, format, keys, all, controller.signal, ({ rows, pages }) =>
        setStatus(t.exporting(rows, pages)),
      );
      download(blob, fileName(source.request.datasource, name, format, all));
      setStatus(t.exported(rows));
    } catch (error) {
      if (abort.current !== controller) return;
      setStatus(controller.signal.aborted ? t.exportCancelled : t.exportFailed(problemOf(error).detail));
    } finally {
      if (abort.current === controller) {
        // This button goes, and the focus must not go with it.
        if (cancel.current !== null && document.activeElement === cancel.current) {
          cancel.current.nextElementSibling?.querySelector("button")?.focus();
        }
        setRunning(false);
      }
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
      {isRunning && (
        <button ref={cancel} type="button" class="button small" onClick={() => abort.current?.abort()}>
          {texts.query.toolbar.cancel}
        </button>
      )}
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
    </>
  );
}

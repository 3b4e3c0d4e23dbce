// The queries that were run before.

import { useState } from "preact/hooks";
import { texts } from "../texts";
import { browserStorage, clearHistory, readHistory, type HistoryEntry } from "./history";
import { Menu } from "./menu";

export interface HistoryMenuProps {
  datasource: string;
  restore: (entry: HistoryEntry) => void;
}

/** A menu with the history. It is read when it opens, since other tabs add to it. */
export function HistoryMenu({ datasource, restore }: HistoryMenuProps) {
  const t = texts.query.history;
  return (
    <Menu label={texts.query.toolbar.history} name={texts.query.toolbar.history} end class="history">
      {(close) => (
        <Entries
          datasource={datasource}
          restore={(entry) => {
            close();
            restore(entry);
          }}
        />
      )}
    </Menu>
  );

  function Entries({ datasource, restore }: HistoryMenuProps) {
    const [entries, setEntries] = useState(() => readHistory(browserStorage()));
    if (entries.length === 0) return <p class="menu-note">{t.empty}</p>;
    return (
      <>
        <ul class="history-list">
          {entries.map((entry) => (
            <li key={`${entry.at} ${entry.text.length}`}>
              <button type="button" class="menu-item" onClick={() => restore(entry)}>
                <span class="history-line">
                  <span>
                    <strong>{entry.action}</strong>
                    {entry.failed && <span class="history-failed"> {t.failed}</span>}
                  </span>
                  <span class="muted">
                    {entry.datasource !== datasource && `${t.other(entry.datasource)} · `}
                    {new Date(entry.at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" })}
                  </span>
                </span>
                <code>{entry.text.replace(/\s+/g, " ").slice(0, 160)}</code>
              </button>
            </li>
          ))}
        </ul>
        <div class="menu-foot">
          <p class="menu-note">{t.stored}</p>
          <button
            type="button"
            class="button small"
            onClick={() => {
              clearHistory(browserStorage());
              setEntries([]);
            }}
          >
            {t.clear}
          </button>
        </div>
      </>
    );
  }
}

// The list of tables.

import type { Structure, Table } from "../api/types";
import { size } from "../app/figures";
import { PlusIcon, ReloadIcon } from "../app/icons";
import type { Loaded } from "../app/load";
import { href } from "../app/route";
import { texts } from "../texts";
import { type Changes, itemCount } from "./counts";

interface Props {
  datasource: string;
  list: Loaded<Structure>;
  changes: Changes;
  chosen: string | undefined;
  search: string;
  searched: (search: string) => void;
  /** Whether the server searches, because it has more tables than it lists. Then the search is for a prefix. */
  isPrefix: boolean;
  /** Creates a table, if that is allowed. */
  create: (() => void) | undefined;
}

/** The keys of a table, how many indexes it has, and its size. */
function factsOf(table: Table): string {
  const keys = table.keys.map((key) => key.name).join(", ");
  const indexes = table.indexes.length > 0 ? texts.tables.indexCount(table.indexes.length) : "";
  const bytes = table.bytes === undefined ? "" : size(table.bytes);
  return [keys, indexes, bytes].filter(Boolean).join(" · ");
}

/** The list, with a filter by name. */
export function TableList({ datasource, list, changes, chosen, search, searched, isPrefix, create }: Props) {
  const tables = list.value?.tables ?? [];
  const wanted = search.toLowerCase();
  const shown = isPrefix ? tables : tables.filter((table) => table.name.toLowerCase().includes(wanted));
  return (
    <nav class="table-list" aria-label={texts.tables.title}>
      <div class="table-list-head">
        <input
          class="input small"
          type="search"
          aria-label={texts.tables.search}
          placeholder={texts.tables.search}
          value={search}
          onInput={(event) => searched(event.currentTarget.value)}
        />
        <button type="button" class="button quiet small icon" onClick={list.reload} aria-label={texts.tables.reload} title={texts.tables.reload} disabled={list.loading}>
          <ReloadIcon />
        </button>
        {create && (
          <button type="button" class="button quiet small icon" onClick={create} aria-label={texts.tables.create} title={texts.tables.create}>
            <PlusIcon />
          </button>
        )}
      </div>
      <ul aria-busy={list.loading}>
        {shown.map((table) => {
          const items = itemCount(table, changes);
          return (
            <li key={table.name}>
              <a
                href={href(["d", datasource, "tables", table.name])}
                class={table.error === undefined ? "" : "unknown"}
                title={table.error ?? ""}
                {...(table.name === chosen ? { "aria-current": "page" as const } : {})}
              >
                <span class="table-name">{table.name}</span>
                <span class="muted number" title={items?.title ?? ""}>
                  {items?.text}
                </span>
                <span class="muted table-facts">{factsOf(table)}</span>
              </a>
            </li>
          );
        })}
      </ul>
      {search !== "" && list.value && shown.length === 0 && <p class="muted list-note">{isPrefix ? texts.tables.noPrefix : texts.tables.noMatch}</p>}
      {list.value?.more === true && <p class="muted list-note">{texts.tables.more}</p>}
    </nav>
  );
}

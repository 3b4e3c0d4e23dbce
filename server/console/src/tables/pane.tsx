// One table: its key, figures, and two tabs.

import type { Table } from "../api/types";
import { BackIcon } from "../app/icons";
import { href, route } from "../app/route";
import { texts } from "../texts";
import { size } from "../app/figures";
import { type Changes, itemCount } from "./counts";
import { Items } from "./items";
import { StructureTab } from "./structure";
import type { May } from "./view";

interface Props {
  datasource: string;
  table: Table;
  may: May;
  changes: Changes;
  /** Called when there are more items of the table, or fewer. */
  changed: (table: Table, by: number) => void;
}

/** The pane of a table. The parameter `tab` of the URL says which tab is shown. */
export function TablePane({ datasource, table, may, changes, changed }: Props) {
  const tab = route.value.params.get("tab") === "structure" ? "structure" : "items";
  const items = itemCount(table, changes);
  const path = ["d", datasource, "tables", table.name];
  return (
    <>
      <header class="pane-head">
        <a class="button quiet icon small pane-back" href={href(["d", datasource, "tables"])} aria-label={texts.tables.back}>
          <BackIcon />
        </a>
        <h2 class="mono">{table.name}</h2>
        <div class="pane-facts">
          {table.keys.map((key) => (
            <span key={key.name} class="chip" title={texts.tables[key.role]}>
              {texts.tables[key.role]} <b class="mono">{key.name}</b> {texts.tables.types[key.type] ?? key.type}
            </span>
          ))}
          {items !== undefined && (
            <span class="muted" title={items.title}>
              {texts.tables.itemsCount(items.text)}
              {table.bytes !== undefined && ` · ${size(table.bytes)}`}
            </span>
          )}
          {table.status !== undefined && table.status !== "ACTIVE" && <span class="chip write">{table.status}</span>}
        </div>
        <nav class="tabs" aria-label={table.name}>
          <a href={href(path)} {...(tab === "items" ? { "aria-current": "page" as const } : {})}>
            {texts.tables.items}
          </a>
          <a href={href(path, { tab: "structure" })} {...(tab === "structure" ? { "aria-current": "page" as const } : {})}>
            {texts.tables.structure}
          </a>
        </nav>
      </header>
      {tab === "items" ? <Items datasource={datasource} table={table} may={may} counted={(by) => changed(table, by)} /> : <StructureTab datasource={datasource} table={table} may={may} items={items} />}
    </>
  );
}

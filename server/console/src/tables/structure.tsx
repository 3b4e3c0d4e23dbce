// The tab with the keys, indexes and settings of a table.

import { execute } from "../api/calls";
import { isObject, type Json, type JsonObject, own } from "../api/json";
import type { Index, Key, Table } from "../api/types";
import { useLoad } from "../app/load";
import { ProblemBox } from "../app/problem";
import { Scroll } from "../app/scroll";
import { texts } from "../texts";
import { count, size } from "../app/figures";
import type { ItemCount } from "./counts";
import type { May } from "./view";

/** The tab. `DescribeTable` adds to what the list knows, if it is allowed. */
export function StructureTab({ datasource, table, may, items }: { datasource: string; table: Table; may: May; items: ItemCount | undefined }) {
  const { allowed } = may("DescribeTable");
  const described = useLoad(
    async (signal) => {
      if (!allowed) return undefined;
      const { body } = await execute(datasource, "DescribeTable", JSON.stringify({ TableName: table.name }), {}, signal);
      const description = isObject(body) ? own(body, "Table") : undefined;
      return isObject(description) ? description : undefined;
    },
    [datasource, table.name, allowed],
  );
  return (
    <Scroll label={texts.tables.structure} kind="structure">
      {described.problem && <ProblemBox problem={described.problem} />}
      <Facts table={table} described={described.value} items={items} />
      <section>
        <h3>{texts.tables.indexes}</h3>
        {table.indexes.length === 0 ? <p class="muted">{texts.tables.noIndexes}</p> : <Indexes table={table} described={described.value} />}
      </section>
    </Scroll>
  );
}

function Facts({ table, described, items }: { table: Table; described: JsonObject | undefined; items: ItemCount | undefined }) {
  const text = (...path: string[]) => textAt(described, path);
  const created = Number(text("CreationDateTime"));
  const provisioned = text("ProvisionedThroughput", "ReadCapacityUnits");
  const isOnDemand = text("BillingModeSummary", "BillingMode") === "PAY_PER_REQUEST";
  const facts: [string, string | undefined][] = [
    [texts.tables.status, table.status ?? text("TableStatus")],
    [texts.tables.count, items?.text ?? text("ItemCount")],
    [texts.tables.size, table.bytes === undefined ? undefined : size(table.bytes)],
    [
      texts.tables.billing,
      isOnDemand ? texts.tables.payPerRequest : provisioned === undefined ? undefined : texts.tables.provisioned(provisioned, text("ProvisionedThroughput", "WriteCapacityUnits") ?? ""),
    ],
    [texts.tables.created, created > 0 ? new Date(created * 1000).toLocaleString() : undefined],
    [texts.tables.stream, described && (text("StreamSpecification", "StreamViewType") ?? texts.tables.off)],
    [texts.tables.protection, described && (text("DeletionProtectionEnabled") === "true" ? texts.tables.on : texts.tables.off)],
    [texts.tables.arn, text("TableArn")],
  ];
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value ?? "–"}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What `DescribeTable` says at a path, as text. Its numbers are counts and times. */
function textAt(value: Json | undefined, path: string[]): string | undefined {
  let at: Json | undefined = value;
  for (const name of path) at = isObject(at) ? own(at, name) : undefined;
  return at === undefined || at === null || isObject(at) || Array.isArray(at) ? undefined : String(at);
}

function Indexes({ table, described }: { table: Table; described: JsonObject | undefined }) {
  return (
    <Scroll label={texts.tables.indexes}>
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">{texts.tables.index}</th>
            <th scope="col">{texts.tables.keys}</th>
            <th scope="col">{texts.tables.kind}</th>
            <th scope="col">{texts.tables.projection}</th>
            <th scope="col">{texts.tables.status}</th>
            <th scope="col" class="number">
              {texts.tables.count}
            </th>
            <th scope="col" class="number">
              {texts.tables.size}
            </th>
          </tr>
        </thead>
        <tbody>
          {table.indexes.map((index) => (
            <IndexRow key={index.name} index={index} described={described} />
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function IndexRow({ index, described }: { index: Index; described: JsonObject | undefined }) {
  const find = (field: string) => {
    const list = described && own(described, field);
    return Array.isArray(list) ? list.find((one) => isObject(one) && own(one, "IndexName") === index.name) : undefined;
  };
  const local = find("LocalSecondaryIndexes");
  const details = find("GlobalSecondaryIndexes") ?? local;
  const items = Number(textAt(details, ["ItemCount"]));
  const bytes = Number(textAt(details, ["IndexSizeBytes"]));
  const projection = isObject(details) ? own(details, "Projection") : undefined;
  const named = isObject(projection) ? own(projection, "NonKeyAttributes") : undefined;
  return (
    <tr>
      <td class="name mono">{index.name}</td>
      <td>{index.keys.map(keyText).join(", ")}</td>
      <td>{details === undefined ? "–" : local === undefined ? texts.tables.global : texts.tables.local}</td>
      <td>
        {texts.tables.projections[index.projection] ?? index.projection}
        {Array.isArray(named) && <span class="muted mono"> {named.map(String).join(", ")}</span>}
      </td>
      <td>{textAt(details, ["IndexStatus"]) ?? "–"}</td>
      <td class="number">{Number.isFinite(items) ? count(items) : "–"}</td>
      <td class="number">{Number.isFinite(bytes) ? size(bytes) : "–"}</td>
    </tr>
  );
}

function keyText(key: Key): string {
  return `${key.name} (${texts.tables.types[key.type] ?? key.type}, ${texts.tables[key.role]})`;
}

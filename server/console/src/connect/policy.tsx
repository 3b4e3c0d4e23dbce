// What a datasource may do, in plain words.

import { texts } from "../texts";
import "./connect.css";
import type { Rules } from "./rules";

/** The rules as sentences. */
export function PolicyInWords({ rules }: { rules: Rules }) {
  const words = texts.connect;
  const { access, actions, tables, region } = rules;
  return (
    <div class="policy">
      <p>
        <span class={`chip ${access}`}>{access}</span> {words.mayAccess[access]} <Tables tables={tables} />
        {region ? <> {words.inRegion(region)}</> : ""}
        {actions !== null && (
          <>
            , {actions.length === 0 ? words.noActions : <Names before={words.onlyActions("")} names={actions} />}
          </>
        )}
        .
      </p>
      <Destinations rules={rules} />
    </div>
  );
}

function Destinations({ rules: { egress, embedded } }: { rules: Rules }) {
  const words = texts.connect;
  if (embedded) return <p class="muted">{words.embedded}</p>;
  if (egress?.length === 0) return <p>{words.goesNowhere}</p>;
  return (
    <>
      {egress && (
        <p>
          {words.goesTo} <Names before="" names={egress} />.
        </p>
      )}
      <p class="muted">{words.nothingElse}</p>
    </>
  );
}

function Tables({ tables }: Pick<Rules, "tables">) {
  const words = texts.connect;
  if (tables === undefined) return <>{words.unknownTables}</>;
  if (tables === null) return <>{words.allTables}</>;
  return tables.length === 0 ? <>{words.noTables}</> : <Names before={words.tablesNamed("")} names={tables} />;
}

function Names({ before, names }: { before: string; names: string[] }) {
  return (
    <>
      {before}
      {names.map((name, index) => (
        <span key={name}>
          {index > 0 && ", "}
          <code>{name}</code>
        </span>
      ))}
    </>
  );
}

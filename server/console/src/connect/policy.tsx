// What a datasource of a template may do, in plain words.

import type { Template } from "../api/types";
import { texts } from "../texts";

/** The effective policy for the settings entered so far. */
export function PolicyInWords({ template, settings, tenant }: { template: Template; settings: Record<string, string>; tenant: string | undefined }) {
  const words = texts.connect;
  const fill = (text: string) => filled(text, settings, tenant);
  const region = settings["region"];
  return (
    <div class="policy">
      <p>
        <span class={`chip ${template.access}`}>{template.access}</span> {words.mayAccess[template.access]}{" "}
        {template.tables === null ? words.allTables : <Names before={words.tablesNamed("")} names={template.tables.map(fill)} />}
        {region ? <> {words.inRegion(region)}</> : ""}
        {template.actions !== null && (
          <>
            , <Names before={words.onlyActions("")} names={template.actions} />
          </>
        )}
        .
      </p>
      {template.egress && (
        <p>
          {words.goesTo} <Names before="" names={template.egress.map(fill)} />.
        </p>
      )}
      <p class="muted">{words.nothingElse}</p>
    </div>
  );
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

/** Fills placeholders with what was entered; those that are still open are named. */
export function filled(text: string, settings: Record<string, string>, tenant: string | undefined): string {
  return text.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    if (name === "tenant") return tenant ?? `‹${texts.connect.yourTenant}›`;
    return settings[name] || `‹${name}›`;
  });
}

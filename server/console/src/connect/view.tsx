// Connects a datasource: a template, filled in, tested, saved.

import { useEffect, useState } from "preact/hooks";
import { describeTemplate, listTemplates, readDatasource } from "../api/calls";
import type { Datasource, Template, TemplateSummary } from "../api/types";
import { useKeptFocus } from "../app/focus";
import { useLoad } from "../app/load";
import { ProblemBox } from "../app/problem";
import { route, setParams } from "../app/route";
import { texts } from "../texts";
import "./connect.css";
import { ConnectForm } from "./form";

/** The view. With the parameter `edit`, it changes that datasource; with `template`, that template is chosen. */
export function ConnectView() {
  const edited = route.value.params.get("edit") ?? undefined;
  const templates = useLoad((signal) => listTemplates(signal), []);
  const existing = useLoad(async (signal) => (edited === undefined ? undefined : readDatasource(edited, signal)), [edited]);
  const usable = templates.value ?? [];
  const chosen = existing.value?.datasource.template ?? route.value.params.get("template") ?? (usable.length === 1 ? usable[0]?.name : undefined);
  const template = useLoad(async (signal) => (chosen === undefined ? undefined : describeTemplate(chosen, signal)), [chosen]);
  // Another version of the datasource begins the form anew, and "Try again" goes with its problem.
  useKeptFocus([existing.value, templates.value, template.value]);
  const problem = templates.problem ?? existing.problem ?? template.problem;
  return (
    <main class="page connect">
      <header>
        <h1>{edited === undefined ? texts.connect.title : texts.connect.editTitle(edited)}</h1>
        <p class="lead">{texts.connect.lead}</p>
      </header>
      {problem && (
        <ProblemBox problem={problem}>
          <button
            type="button"
            class="button"
            onClick={() => {
              templates.reload();
              existing.reload();
              template.reload();
            }}
          >
            {texts.app.retry}
          </button>
        </ProblemBox>
      )}
      {templates.value?.length === 0 && !problem && <NoTemplates />}
      {usable.length > 0 && edited === undefined && <TemplateChoice templates={usable} chosen={chosen} />}
      <Form template={template.value} existing={existing.value} edited={edited} reload={existing.reload} />
      {template.loading && !template.value && chosen !== undefined && <div class="loading" aria-busy="true" />}
    </main>
  );
}

/** The form of the chosen template. It begins anew with another template, or another version of the datasource. */
function Form({ template, existing, edited, reload }: { template: Template | undefined; existing: { datasource: Datasource; etag: string | undefined } | undefined; edited: string | undefined; reload: () => void }) {
  const [etag, setEtag] = useState<string>();
  useEffect(() => setEtag(existing?.etag), [existing]);
  if (!template || (edited !== undefined && !existing)) return null;
  return (
    <ConnectForm
      key={`${template.name} ${existing?.etag ?? ""}`}
      template={template}
      existing={existing?.datasource}
      etag={etag ?? existing?.etag}
      saved={setEtag}
      reload={reload}
    />
  );
}

function TemplateChoice({ templates, chosen }: { templates: TemplateSummary[]; chosen: string | undefined }) {
  return (
    <fieldset class="templates">
      <legend class="visually-hidden">{texts.connect.template}</legend>
      {templates.map((template) => (
        <label key={template.name} class="template panel">
          <input
            type="radio"
            name="template"
            value={template.name}
            checked={template.name === chosen}
            disabled={template.state === "unavailable"}
            onChange={() => setParams({ template: template.name })}
          />
          <span class="template-name">{template.name}</span>
          <span class="muted">{template.plugin}</span>
          <span class={`chip ${template.access}`}>{template.access}</span>
          {template.reason && <span class="muted">{texts.connect.unavailable(template.reason)}</span>}
        </label>
      ))}
    </fieldset>
  );
}

function NoTemplates() {
  return (
    <div class="panel empty">
      <h2>{texts.connect.noTemplates}</h2>
      <p>{texts.connect.noTemplatesHelp}</p>
      <pre class="document" tabIndex={0}>{texts.connect.example}</pre>
      <p>{texts.connect.noTemplatesStore}</p>
      <pre class="document" tabIndex={0}>{texts.connect.storeCommands}</pre>
    </div>
  );
}

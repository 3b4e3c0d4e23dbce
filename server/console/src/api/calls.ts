// The calls of the API that the console makes, by name.

import { BOUND, CALL, get, getLossless, type Reply, send } from "./client";
import { type Json, parse, stringify } from "./json";
import { ProblemError } from "./problem";
import type {
  Action,
  Datasource,
  DatasourceActions,
  DatasourceList,
  Options,
  Plugin,
  Refusal,
  Structure,
  Table,
  Template,
  TemplateSummary,
} from "./types";

/** Lists the datasources that the caller may use: all pages. */
export async function listDatasources(signal?: AbortSignal): Promise<DatasourceList> {
  const all: DatasourceList = { operator: false, datasources: [] };
  let after: string | undefined;
  do {
    const page: DatasourceList = await get({ path: ["v1", "datasources"], query: { after }, signal });
    all.operator = page.operator;
    if (page.caller !== undefined) all.caller = page.caller;
    if (page.tenant !== undefined) all.tenant = page.tenant;
    all.datasources.push(...page.datasources);
    if (page.store) all.store = page.store;
    after = page.next;
  } while (after !== undefined && all.datasources.length < MOST_DATASOURCES);
  if (after !== undefined) all.next = after;
  return all;
}

/** More would not fit a list that people read. */
const MOST_DATASOURCES = 1000;

/** The actions of a datasource, and what its policy allows. */
export function datasourceActions(datasource: string, signal?: AbortSignal): Promise<DatasourceActions> {
  return get({ path: ["v1", "datasources", datasource, "actions"], signal });
}

/** An action with the schema of its input. */
export function describeAction(action: string, signal?: AbortSignal): Promise<Action> {
  return get({ path: ["v1", "actions", action], signal });
}

/** What a plugin says about itself. */
export function describePlugin(plugin: string, signal?: AbortSignal): Promise<Plugin> {
  return get({ path: ["v1", "plugins", plugin], signal });
}

/** The tables of a datasource whose names begin with `prefix`: at most 100, since the service is asked about each. */
export async function structure(datasource: string, prefix = "", signal?: AbortSignal): Promise<Structure> {
  const found: { tables: (Partial<Table> & { name: string })[]; more: boolean } = await get({
    path: ["v1", "datasources", datasource, "structure"],
    query: { prefix: prefix || undefined, limit: "100" },
    signal,
  });
  // A table that may not be described has only its name and the reason.
  return { ...found, tables: found.tables.map((table) => ({ keys: [], indexes: [], ...table })) };
}

/** Checks connectivity and credentials of a datasource. */
export function test(datasource: string, signal?: AbortSignal): Promise<{ ok: boolean; message: string }> {
  return get({ path: ["v1", "datasources", datasource, "test"], signal });
}

/** Runs an action. `input` is JSON text, which may have comments and trailing commas. */
export function execute(
  datasource: string,
  action: string,
  input: string,
  options: Options = {},
  signal?: AbortSignal,
): Promise<Reply & { body: Json }> {
  return getLossless({
    method: "POST",
    path: ["v1", "datasources", datasource, "actions", action],
    query: options,
    body: input,
    signal,
  });
}

/** Runs an action whose input is a template with values bound to its placeholders. Both are JSON text. */
export function executeBound(
  datasource: string,
  action: string,
  template: string,
  values: string,
  options: Options = {},
  signal?: AbortSignal,
): Promise<Reply & { body: Json }> {
  return getLossless({
    method: "POST",
    path: ["v1", "datasources", datasource, "actions", action],
    query: options,
    body: `{"template": ${JSON.stringify(template)}, "values": ${values}}`,
    contentType: BOUND,
    signal,
  });
}

/** The templates that the caller may fill in. */
export async function listTemplates(signal?: AbortSignal): Promise<TemplateSummary[]> {
  const list = await get<{ templates: TemplateSummary[] }>({ path: ["v1", "templates"], signal });
  return list.templates;
}

/** A template, for a form. */
export function describeTemplate(template: string, signal?: AbortSignal): Promise<Template> {
  return get({ path: ["v1", "templates", template], signal });
}

/** What a form sends. Absent credentials keep those that were saved; `null` removes them. */
export interface DatasourceForm {
  template: string;
  settings: Record<string, string | number | boolean>;
  credentials?: Record<string, string> | null;
}

/** A stored datasource, with the tag of its version. */
export async function readDatasource(name: string, signal?: AbortSignal): Promise<{ datasource: Datasource; etag: string | undefined }> {
  const reply = await send({ path: ["v1", "datasources", name], signal });
  return { datasource: JSON.parse(reply.text) as Datasource, etag: reply.etag };
}

/** Checks what a form would save. With `name`, the credentials that were saved under it are used if the form has none. */
export function testForm(form: DatasourceForm, name: string | undefined, signal?: AbortSignal): Promise<{ ok: boolean; message: string }> {
  const body = JSON.stringify(name === undefined ? form : { ...form, name });
  return get({ method: "POST", path: ["v1", "datasources:test"], body, signal });
}

/** Saves a datasource: a new one, or, with `etag`, the version that was read. */
export async function saveDatasource(name: string, form: DatasourceForm, etag: string | undefined): Promise<Datasource> {
  const headers: Record<string, string> = etag === undefined ? { "if-none-match": "*" } : { "if-match": etag };
  const reply = await send({ method: "PUT", path: ["v1", "datasources", name], headers, body: JSON.stringify(form) });
  return JSON.parse(reply.text) as Datasource;
}

/** Deletes a stored datasource. */
export async function deleteDatasource(name: string, etag: string | undefined): Promise<void> {
  const headers: Record<string, string> = etag === undefined ? {} : { "if-match": etag };
  await send({ method: "DELETE", path: ["v1", "datasources", name], headers });
}

/** The minimal IAM policy for a template with these settings, as indented JSON. */
export async function minimalIam(template: string, settings: DatasourceForm["settings"], signal?: AbortSignal): Promise<string> {
  const reply = await send({
    method: "POST",
    path: ["v1", "templates", template, "iam"],
    body: JSON.stringify({ settings }),
    contentType: CALL,
    signal,
  });
  return stringify(parse(reply.text), 2);
}

/** The server's metrics, as Prometheus reads them. Only for operators. */
export async function metrics(signal?: AbortSignal): Promise<string> {
  return (await send({ path: ["metrics"], signal })).text;
}

/** Whether the server lists refusals, as far as is known. */
let listsRefusals = true;

/** The latest refusals, the newest first. Only for operators. Nothing if the server does not list them. */
export async function latestRefusals(signal?: AbortSignal): Promise<Refusal[] | undefined> {
  if (!listsRefusals) return undefined;
  try {
    const list = await get<{ refusals: Refusal[] }>({ path: ["v1", "refusals"], query: { limit: "50" }, signal });
    return list.refusals;
  } catch (error) {
    if (error instanceof ProblemError && error.problem.status === 404) {
      listsRefusals = false;
      return undefined;
    }
    throw error;
  }
}

// What a datasource may do: from its template and settings, or from what the server says of it.

import { datasourceActions, describeTemplate, readDatasource } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import { session } from "../api/session";
import type { Access, Datasource, DatasourceActions, Template } from "../api/types";
import { texts } from "../texts";

/** What a datasource may do. */
export interface Rules {
  access: Access;
  /** The only actions. With `null`, all that the access class has. */
  actions: string[] | null;
  /** The only tables. With `null`, all; `undefined` if that is not known here. */
  tables: string[] | null | undefined;
  /** The region, if the settings are known and have one. */
  region: string | undefined;
  /** Where requests may go. Only operators know. */
  egress: string[] | undefined;
  /** Whether its database is a part of the server. */
  embedded: boolean;
}

/** The rules of a template for these settings. Placeholders of settings that are still open are named. */
export function rulesOfTemplate(template: Template, settings: Record<string, string>, tenant: string | undefined): Rules {
  const fill = (text: string) => filled(text, settings, tenant);
  return {
    access: template.access,
    actions: template.actions,
    tables: template.tables?.map(fill) ?? null,
    region: settings["region"] || undefined,
    egress: template.egress?.map(fill),
    embedded: false,
  };
}

/** Fills placeholders with what was entered; those that are still open are named. */
export function filled(text: string, settings: Record<string, string>, tenant: string | undefined): string {
  return text.replace(/\{([^{}]+)\}/g, (_, name: string) => {
    if (name === "tenant") return tenant ?? `‹${texts.connect.yourTenant}›`;
    return settings[name] || `‹${name}›`;
  });
}

/** What is known of a datasource. */
export interface Known {
  datasource: Datasource;
  /** Nothing if there is no template any more that would say it. */
  rules: Rules | undefined;
  /** How many of its actions the caller may run: the token may allow fewer than the datasource does. */
  actions: { allowed: number; all: number } | undefined;
  /** Why something is not known. */
  problem: Problem | undefined;
}

/** Asks what a datasource may do. */
export async function readRules(name: string, signal?: AbortSignal): Promise<Known> {
  const [{ datasource }, listed] = await Promise.all([readDatasource(name, signal), outcome(datasourceActions(name, signal))]);
  const { access, template } = datasource;
  const actions = listed.value && { allowed: listed.value.actions.filter((one) => one.allowed).length, all: listed.value.actions.length };
  if (access === null) return { datasource, rules: undefined, actions, problem: undefined };
  if (datasource.origin === "store" && template !== undefined) {
    // Who may use a datasource need not have the right to fill in its template.
    const { value } = await outcome(describeTemplate(template, signal));
    if (value) return { datasource, rules: rulesOfTemplate(value, textsOf(datasource), datasource.tenant ?? session.peek().tenant), actions, problem: undefined };
  }
  return { datasource, rules: rulesOfPolicy(datasource, access, listed.value?.policy), actions, problem: listed.problem };
}

/** The rules as the server says that they are in effect. */
function rulesOfPolicy(datasource: Datasource, access: Access, policy: DatasourceActions["policy"] | undefined): Rules {
  return {
    access,
    actions: datasource.actions ?? null,
    tables: policy?.tables,
    region: textsOf(datasource)["region"],
    egress: policy?.egress,
    embedded: datasource.embedded === true,
  };
}

function textsOf({ settings = {} }: Datasource): Record<string, string> {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]));
}

/** What a request has returned, or why it has not. */
async function outcome<T>(request: Promise<T>): Promise<{ value?: T; problem?: Problem }> {
  try {
    return { value: await request };
  } catch (error) {
    return { problem: problemOf(error) };
  }
}

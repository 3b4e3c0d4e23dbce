// The list of datasources, which the picker and several views share.

import { batch, signal } from "@preact/signals";
import { listDatasources } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import { type Session, session, signInNeeded } from "../api/session";
import type { Datasource, DatasourceList } from "../api/types";

/** What is known of the list. */
export const datasources = signal<{ list?: DatasourceList; problem?: Problem; loading: boolean }>({ loading: false });

/** Counts whose views are shown: each one has views of its own, in which nothing of the others may stay. */
export const visitor = signal(0);

let latest = 0;

/** Whose the views behind the form for a token are, as long as nobody else has signed in. */
let before: { whose: string | undefined } | undefined;

/** Loads the list again. */
export async function reloadDatasources(): Promise<void> {
  latest += 1;
  const turn = latest;
  datasources.value = { ...datasources.value, loading: true };
  try {
    const list = await listDatasources();
    if (turn !== latest) return;
    batch(() => {
      if (before && (before.whose === undefined || before.whose !== whose(list))) visitor.value += 1;
      before = undefined;
      signInNeeded.value = false;
      datasources.value = { list, loading: false };
    });
  } catch (error) {
    if (turn !== latest) return;
    // Without the list there would be no view either, and what was typed into it would be lost.
    const { list } = datasources.value;
    datasources.value = { ...(signInNeeded.value && list ? { list } : {}), problem: problemOf(error), loading: false };
  }
}

/** Signs in. What is shown stays if it is the same person for the same tenant, with another token or more time. */
export async function signIn(next: Session): Promise<void> {
  before ??= { whose: whose(datasources.value.list) };
  session.value = next;
  await reloadDatasources();
}

/** Who the session is of, or nothing if the server does not say that. */
function whose(list: DatasourceList | undefined): string | undefined {
  return list?.caller ? JSON.stringify([list.caller, tenantOf(list)]) : undefined;
}

/** Whether connecting datasources may be of use: a server for its embedded database has nothing to connect. */
export function mayConnect(list: DatasourceList | undefined): boolean {
  return list === undefined || list.store !== undefined || !list.datasources.some((source) => source.embedded === true);
}

/** The tenant for whom the session acts. Forms may have named another one since the list was loaded. */
function tenantOf(list: DatasourceList | undefined): string | undefined {
  return session.value.tenant ?? list?.tenant ?? undefined;
}

/** Whether the session may use a datasource of the list. Operators see also those of tenants for whom they do not act. */
export function isUsable(source: Datasource, list: DatasourceList): boolean {
  return !list.operator || source.origin !== "store" || (source.tenant ?? undefined) === tenantOf(list);
}

/** Forgets what the last session could see. */
export function forgetDatasources(): void {
  latest += 1;
  before = undefined;
  datasources.value = { loading: false };
}

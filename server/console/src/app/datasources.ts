// The list of datasources, which the picker and several views share.

import { signal } from "@preact/signals";
import { listDatasources } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import { session, signInNeeded } from "../api/session";
import type { Datasource, DatasourceList } from "../api/types";

/** What is known of the list. */
export const datasources = signal<{ list?: DatasourceList; problem?: Problem; loading: boolean }>({ loading: false });

let latest = 0;

/** Loads the list again. */
export async function reloadDatasources(): Promise<void> {
  latest += 1;
  const turn = latest;
  datasources.value = { ...datasources.value, loading: true };
  try {
    const list = await listDatasources();
    if (turn !== latest) return;
    signInNeeded.value = false;
    datasources.value = { list, loading: false };
  } catch (error) {
    if (turn === latest) datasources.value = { problem: problemOf(error), loading: false };
  }
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
  datasources.value = { loading: false };
}

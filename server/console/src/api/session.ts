// Who uses this tab. The token is only in the tab's memory: a reload asks for it again, and nothing on the disk has it.

import { signal } from "@preact/signals";

/** The credentials that go with every request. */
export interface Session {
  /** The bearer token, or none if the server has no tokens. */
  token: string | undefined;
  /** The tenant for whom a platform's token acts. */
  tenant: string | undefined;
}

/** The current session. */
export const session = signal<Session>({ token: undefined, tenant: undefined });

/** Whether the server has asked for a token, or has refused the one that it got. */
export const signInNeeded = signal(false);

/** The headers of the session. */
export function sessionHeaders(): Record<string, string> {
  const { token, tenant } = session.value;
  const headers: Record<string, string> = {};
  if (token) headers["authorization"] = `Bearer ${token}`;
  if (tenant) headers["x-portcullis-tenant"] = tenant;
  return headers;
}

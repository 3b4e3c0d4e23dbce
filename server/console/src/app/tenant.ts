// What the server says about the tenant that the session names.

import type { Problem } from "../api/problem";
import { session } from "../api/session";
import { texts } from "../texts";

/** What to say at the field for the tenant, if the problem is about it. */
export function tenantFault(problem: Problem): string | undefined {
  // The refusals of `Caller::tenant` in `server/src/auth.rs`. They have no code, and only their remedies name the header.
  if (problem.status !== 403 || session.value.tenant === undefined || problem.remedy === undefined) return undefined;
  if (problem.remedy.includes("x-portcullis-tenant")) return texts.signIn.otherTenant;
  return problem.remedy.includes("tenants =") ? texts.signIn.noTenants : undefined;
}

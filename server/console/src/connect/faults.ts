// Which field of the form a problem belongs to.

import type { Problem } from "../api/problem";
import { tenantFault } from "../app/tenant";
import type { Field } from "./fields";

/** Messages by the id of a field: `settings.region`, `credentials.accessKeyId`, `template`, `name`, `tenant`. */
export type Located = Record<string, string>;

/** The codes by which AWS refuses a key, and the field that they are about. */
const CREDENTIAL_CODES: Record<string, string> = {
  UnrecognizedClientException: "accessKeyId",
  InvalidClientTokenId: "accessKeyId",
  InvalidSignatureException: "secretAccessKey",
  IncompleteSignatureException: "secretAccessKey",
  SignatureDoesNotMatch: "secretAccessKey",
  ExpiredTokenException: "sessionToken",
};

/** The rules of a policy, and the settings that decide what they see. */
const RULE_SETTINGS: Record<string, string[]> = {
  egress: ["endpoint", "region"],
  networks: ["endpoint", "region"],
  signing: ["region"],
};

/** Puts the faults of a problem next to fields. `rest` says whether the problem also has to be shown as a whole. */
export function locate(problem: Problem, settings: Field[], credentials: Field[]): { located: Located; rest: boolean } {
  const located: Located = {};
  let rest = problem.faults === undefined || problem.faults.length === 0;
  for (const { pointer, message } of problem.faults ?? []) {
    const ids = idsOf(pointer, settings, credentials);
    if (ids.length === 0) rest = true;
    for (const id of ids) located[id] ??= message;
  }
  const code = problem.code?.split("#").pop() ?? "";
  const ofKey = CREDENTIAL_CODES[code];
  if (ofKey !== undefined && credentials.some((field) => field.name === ofKey)) {
    located[`credentials.${ofKey}`] = problem.hint ?? problem.remedy ?? problem.detail;
  }
  const setting = RULE_SETTINGS[problem.rule ?? ""]?.find((name) => settings.some((field) => field.name === name));
  if (setting !== undefined) located[`settings.${setting}`] = problem.detail;
  const ofTenant = tenantFault(problem);
  if (ofTenant !== undefined) return { located: { ...located, tenant: ofTenant }, rest: false };
  return { located, rest };
}

function idsOf(pointer: string, settings: Field[], credentials: Field[]): string[] {
  const [part, name] = pointer
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  if (part === "template" || part === "name") return [part];
  const fields = part === "settings" ? settings : part === "credentials" ? credentials : [];
  if (name !== undefined) return fields.some((field) => field.name === name) ? [`${part}.${name}`] : [];
  // A fault of the credentials as a whole is shown at the first of them.
  return part === "credentials" && fields[0] ? [`credentials.${fields[0].name}`] : [];
}

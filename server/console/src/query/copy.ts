// A request as a command to copy: for curl, and for portcullis itself. Neither contains the token: both read it from the
// environment.

import { parseDocument, placeholders } from "../schema/document";
import { bodyOf, pathOf, valueJson, type Request } from "./request";
import { quote } from "./shell";

/** What a command needs to know about the page. */
export interface Origin {
  /** Such as `http://127.0.0.1:8700`. */
  readonly origin: string;
  readonly hasToken: boolean;
  readonly tenant: string | undefined;
}

/** The request as a curl command. */
export function asCurl(request: Request, { origin, hasToken, tenant }: Origin): string {
  const { body, contentType } = bodyOf(request);
  const lines = [
    // Brackets and braces in a URL would be a pattern of several URLs for curl.
    `curl --globoff ${quote(origin + pathOf(request))}`,
    `-H ${quote(`Content-Type: ${contentType}`)}`,
    ...(hasToken ? ['-H "Authorization: Bearer $PORTCULLIS_TOKEN"'] : []),
    ...(tenant === undefined ? [] : [`-H ${quote(`x-portcullis-tenant: ${tenant}`)}`]),
    // --data would read a file if the body began with @.
    `--data-raw ${quote(body)}`,
  ];
  return lines.join(" \\\n  ");
}

/** The request as a command of portcullis. It reads the token from PORTCULLIS_TOKEN. */
export function asExecute(request: Request, { origin, tenant }: Origin): string {
  const { options } = request;
  const names = placeholders(parseDocument(request.text));
  // An input that began with @ would be a file, and one with - standard input or an option.
  const input = /^[@-]/.test(request.text) ? ` ${request.text}` : request.text;
  const lines = [
    `portcullis execute --server ${quote(origin)} --datasource=${quote(request.datasource)}`,
    ...(tenant === undefined ? [] : [`--tenant=${quote(tenant)}`]),
    `${quote(request.action)}${input.trim() === "" ? "" : ` ${quote(input)}`}`,
    ...names.map((name) => `--bind=${quote(binding(name, request))}`),
    ...(options.format === "plain" ? ["--format plain"] : []),
    ...(options.pages === "all" ? ["--pages all"] : []),
    ...(options.pages === "all" && options.maxItems !== "" ? [`--max-items ${quote(options.maxItems)}`] : []),
    ...(options.resubmit ? ["--resubmit"] : []),
    ...(options.strict ? [] : ["--no-strict"]),
    // Without values to bind, {{…}} in a text is sent as it is.
    ...(names.length === 0 && request.text.includes("{{") ? ["--literal"] : []),
  ];
  return lines.join(" \\\n  ");
}

function binding(name: string, { values }: Request): string {
  const value = values.get(name);
  // An argument cannot contain a NUL, but JSON can write it.
  if (value?.kind === "json" || value?.text.includes("\u0000")) return `${name}:=${valueJson(value)}`;
  return `${name}=${value?.text ?? ""}`;
}

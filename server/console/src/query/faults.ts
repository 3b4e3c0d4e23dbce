// The faults that the server found, at their places in the text.

import type { Fault } from "../api/problem";
import type { Document, Span } from "../schema/document";
import { parseDocument } from "../schema/document";
import type { Finding } from "../schema/lint";
import { namePlaceOf, offsetOf, placeOf } from "../schema/pointer";

/** A fault, and what stood at its place when the server found it. */
export interface PlacedFault extends Fault {
  readonly was: string;
}

/** Notes what stands at the places of faults. Those of the query, or of bound values, are not in the text. */
export function placed(faults: readonly Fault[], text: string): PlacedFault[] {
  const document = parseDocument(text);
  return faults.filter(isInText).map((fault) => ({ ...fault, was: standsAt(document, fault) }));
}

/** The faults that still apply: what stands at their places has not changed. */
export function remaining(faults: readonly PlacedFault[], document: Document): Finding[] {
  return faults
    .filter((fault) => standsAt(document, fault) === fault.was)
    .map((fault) => ({
      ...spanOf(document, fault),
      severity: "error",
      message: fault.message,
      pointer: fault.pointer,
    }));
}

/** The place of a fault in a text. */
export function spanOf(document: Document, { pointer, message }: Fault): Span {
  const { text } = document;
  // Of a text that is not JSON, the message has the place: there is no value that a pointer could lead to.
  const position = /^not JSON at line ([0-9]+), column ([0-9]+):/.exec(message);
  if (position) {
    const from = offsetOf(text, Number(position[1]), Number(position[2]));
    return from < text.length ? { from, to: from + 1 } : { from: Math.max(0, text.length - 1), to: text.length };
  }
  const name = /^(unknown field|this field appears twice)/.test(message) ? namePlaceOf(document, pointer) : undefined;
  return name ?? placeOf(document, pointer);
}

function standsAt(document: Document, fault: Fault): string {
  const place = placeOf(document, fault.pointer);
  if (fault.pointer === "" || fault.message.startsWith("not JSON")) return document.text;
  // The opening bracket stands for a whole value.
  const { from, to } = place;
  return `${place.exists} ${place.exists ? document.text.slice(from, to) : ""}`;
}

function isInText({ pointer }: Fault): boolean {
  return !/^\/values(\/|$)/.test(pointer) && pointer !== "/template";
}

/** What the server found wrong with a bound value. */
export function valueFault(faults: readonly Fault[], name: string): string | undefined {
  const pointer = `/values/${name.replace(/~/g, "~0").replace(/\//g, "~1")}`;
  return faults.find((fault) => fault.pointer === pointer)?.message;
}

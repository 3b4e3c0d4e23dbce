// The schema of an action's input: what forms need of JSON Schema, and how many fields an object may have.

import type { Schema } from "../api/types";

/** A part of an input's schema. */
export interface InputSchema extends Omit<Schema, "properties" | "additionalProperties" | "items"> {
  properties?: Record<string, InputSchema>;
  additionalProperties?: boolean | InputSchema;
  items?: InputSchema;
  minProperties?: number;
  maxProperties?: number;
}

// What the API returns. Fields that the console does not use are left out.

/** What a datasource may do at most. */
export type Access = "read" | "write" | "admin";

/** A part of JSON Schema, as plugins and templates use it. */
export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  examples?: unknown[];
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  allOf?: Schema[];
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  required?: string[];
  items?: Schema;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  pattern?: string;
  writeOnly?: boolean;
}

/** A datasource in the list. */
export interface Datasource {
  name: string;
  origin?: "policy" | "store";
  plugin: string | null;
  /** `null` for a saved datasource whose template is not in the policy any more. */
  access: Access | null;
  actions?: string[] | null;
  /** Whether its database is a part of the server, as with `serve --local`. */
  embedded?: boolean;
  state: string;
  reason?: string;
  template?: string;
  /** `null` for a saved datasource of no tenant. */
  tenant?: string | null;
  settings?: Record<string, string | number | boolean>;
  credentials?: { since: string } | null;
  created?: string;
  changed?: string;
}

/** One page of the list of datasources. */
export interface DatasourceList {
  /** Whether the caller is an operator of the server. */
  operator: boolean;
  /** The name of the caller's token. `null` if the server has no tokens. */
  caller?: string | null;
  /** The tenant for whom the caller acts, which the token may say. */
  tenant?: string | null;
  datasources: Datasource[];
  next?: string;
  /** Absent if the server stores no datasources. */
  store?: { state: string; reason?: string };
}

/** A template in the list. */
export interface TemplateSummary {
  name: string;
  plugin: string | null;
  access: Access;
  actions: string[] | null;
  state: string;
  reason?: string;
}

/** A kind of credentials, with the fields of a form. */
export interface Authentication {
  type: string;
  title: string;
  schema: Schema;
}

/** What a tenant may fill in, and what the datasource may then do. */
export interface Template {
  name: string;
  plugin: string;
  title: string | null;
  tenant: boolean;
  settings: Schema;
  credentials: { from: "caller" | "operator" | "nowhere"; accepts?: Authentication[] };
  access: Access;
  actions: string[] | null;
  tables: string[] | null;
  egress?: string[];
}

/** What a plugin says about itself. */
export interface Plugin {
  name: string;
  title: string;
  version: string;
  settings: Schema;
  options: Schema;
  actions: { name: string; access: Access; example: unknown }[];
  authentication: Authentication[];
}

/** An action of a datasource. */
export interface ActionOfDatasource {
  name: string;
  access: Access;
  allowed: boolean;
  /** Why it is not allowed. */
  reason: string | null;
}

/** The actions of a datasource, and what its policy allows. */
export interface DatasourceActions {
  actions: ActionOfDatasource[];
  policy: { access: Access; tables: string[] | null; egress?: string[] };
}

/** How the results of an action are paged: the field of the input that takes the cursor, and that of the output. */
export interface Paging {
  input: string;
  output: string;
  results: string;
}

/** An action in detail. */
export interface Action {
  name: string;
  access: Access;
  paging: Paging | null;
  example: unknown;
  /** JSON Schema of the input. */
  input: Schema;
}

/** A key attribute of a table or an index. */
export interface Key {
  name: string;
  role: "partition" | "sort";
  /** S, N or B. */
  type: string;
}

/** An index of a table. */
export interface Index {
  name: string;
  keys: Key[];
  projection: string;
}

/** A table. */
export interface Table {
  name: string;
  /** Why nothing else is known of it: the policy or the service may not allow that. Then there are no keys. */
  error?: string;
  keys: Key[];
  indexes: Index[];
  items?: number;
  bytes?: number;
  status?: string;
}

/** The tables of a datasource. */
export interface Structure {
  tables: Table[];
  /** Whether there are more tables than the limit. */
  more: boolean;
}

/** Options of a call, as in the URL's query. */
export type Options = Record<string, string | undefined>;

/** Something that the policy or a token refused. */
export interface Refusal {
  /** RFC 3339. */
  time: string;
  datasource: string;
  tenant?: string;
  action?: string;
  caller?: string;
  rule: string;
  subject?: string;
  /** The line of the policy that would allow it, if there is one. */
  remedy?: string | null;
}

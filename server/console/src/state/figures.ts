// What the state view shows, from the metrics.

import { parseMetrics, type Quantile, quantile, type Sample } from "./metrics";

/** The figures of one datasource, or of all datasources of a template. */
export interface CallFigures {
  name: string;
  kind: "datasource" | "template";
  calls: number;
  errors: number;
  /** Errors by outcome, the most frequent first. */
  outcomes: [string, number][];
  running: number;
  p50: Quantile | undefined;
  p99: Quantile | undefined;
}

/** How often a rule has refused something. */
export interface RefusalCount {
  name: string;
  rule: string;
  count: number;
}

/** The figures of the whole server. */
export interface ServerFigures {
  sources: CallFigures[];
  refusals: RefusalCount[];
  memory: number;
  memoryLimit: number;
  connections: number;
  reloads: number;
  failedReloads: number;
}

/** Reads the figures. */
export function figuresOf(text: string): ServerFigures {
  const samples = parseMetrics(text);
  const one = (name: string, labels: Record<string, string> = {}) =>
    samples.filter((sample) => sample.name === name && fits(sample, labels)).reduce((sum, sample) => sum + sample.value, 0);
  const sources: CallFigures[] = [];
  for (const kind of ["datasource", "template"] as const) {
    const names = new Set(samples.filter((sample) => sample.name.startsWith("portcullis_")).flatMap((sample) => sample.labels[kind] ?? []));
    for (const name of names) sources.push(callFigures(samples, kind, name));
  }
  const refusals = samples
    .filter((sample) => sample.name === "portcullis_refusals_total" && sample.value > 0)
    .map(({ labels, value }) => ({ name: labels["datasource"] ?? labels["template"] ?? "", rule: labels["rule"] ?? "", count: value }))
    .sort((a, b) => b.count - a.count);
  return {
    sources,
    refusals,
    memory: one("portcullis_memory_bytes"),
    memoryLimit: one("portcullis_memory_limit_bytes"),
    connections: one("portcullis_connections"),
    reloads: one("portcullis_reloads_total", { result: "ok" }),
    failedReloads: one("portcullis_reloads_total", { result: "failed" }),
  };
}

function callFigures(samples: Sample[], kind: "datasource" | "template", name: string): CallFigures {
  const own = samples.filter((sample) => sample.labels[kind] === name);
  const calls = own.filter((sample) => sample.name === "portcullis_calls_total");
  const failed = calls.filter((sample) => sample.labels["outcome"] !== "ok" && sample.value > 0);
  const buckets = own
    .filter((sample) => sample.name === "portcullis_datasource_call_duration_seconds_bucket")
    .map((sample) => ({ le: sample.labels["le"] === "+Inf" ? Number.POSITIVE_INFINITY : Number(sample.labels["le"]), count: sample.value }));
  const sum = (list: Sample[]) => list.reduce((total, sample) => total + sample.value, 0);
  return {
    name,
    kind,
    calls: sum(calls),
    errors: sum(failed),
    outcomes: failed.map((sample): [string, number] => [sample.labels["outcome"] ?? "", sample.value]).sort((a, b) => b[1] - a[1]),
    running: sum(own.filter((sample) => sample.name === "portcullis_running_calls")),
    p50: quantile(buckets, 0.5),
    p99: quantile(buckets, 0.99),
  };
}

function fits(sample: Sample, labels: Record<string, string>): boolean {
  return Object.entries(labels).every(([name, value]) => sample.labels[name] === value);
}

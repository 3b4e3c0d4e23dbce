// Reads what Prometheus reads: the server's metrics as text.
// https://prometheus.io/docs/instrumenting/exposition_formats/

/** One line: a metric with its labels and value. */
export interface Sample {
  name: string;
  labels: Record<string, string>;
  value: number;
}

/** Reads all lines. Comments, and lines that are something else, are left out. */
export function parseMetrics(text: string): Sample[] {
  return text.split("\n").flatMap((line): Sample[] => {
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
    if (!match) return [];
    const [, name = "", labels = "", value = ""] = match;
    const number = value === "+Inf" ? Number.POSITIVE_INFINITY : Number(value);
    return Number.isNaN(number) ? [] : [{ name, labels: parseLabels(labels), value: number }];
  });
}

function parseLabels(text: string): Record<string, string> {
  const labels: [string, string][] = [];
  for (const [, name = "", value = ""] of text.matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
    labels.push([name, value.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character))]);
  }
  return Object.fromEntries(labels);
}

/** A quantile of a histogram. */
export interface Quantile {
  seconds: number;
  /** It is in the last bucket, so it is at least this. */
  open: boolean;
}

/**
 * Estimates a quantile from cumulative buckets, as Prometheus does: values are taken as evenly spread in their bucket.
 * Nothing if there were none.
 */
export function quantile(buckets: { le: number; count: number }[], share: number): Quantile | undefined {
  const sorted = [...buckets].sort((a, b) => a.le - b.le);
  const total = sorted.at(-1)?.count ?? 0;
  if (total === 0) return undefined;
  const rank = share * total;
  let below = { le: 0, count: 0 };
  for (const bucket of sorted) {
    if (bucket.count >= rank) {
      if (bucket.le === Number.POSITIVE_INFINITY) return { seconds: below.le, open: true };
      const within = bucket.count - below.count;
      return { seconds: below.le + ((bucket.le - below.le) * (rank - below.count)) / (within || 1), open: false };
    }
    below = bucket;
  }
  return undefined;
}

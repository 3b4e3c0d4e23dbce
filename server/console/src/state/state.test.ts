import { expect, test } from "vitest";
import { figuresOf } from "./figures";
import { parseMetrics, quantile } from "./metrics";

test("labels may have any character", () => {
  const [sample] = parseMetrics('a_total{datasource="x\\"y\\\\,}{ z\\n",rule="r"} 3\n# HELP a b\nnonsense');
  expect(sample).toEqual({ name: "a_total", labels: { datasource: 'x"y\\,}{ z\n', rule: "r" }, value: 3 });
});

test("quantiles are interpolated within a bucket, and open in the last", () => {
  const buckets = [
    { le: 1, count: 50 },
    { le: 2, count: 100 },
    { le: Number.POSITIVE_INFINITY, count: 101 },
  ];
  expect(quantile(buckets, 0.25)?.seconds).toBeCloseTo(0.505);
  expect(quantile(buckets, 0.75)?.seconds).toBeCloseTo(1.515);
  expect(quantile(buckets, 0.999)).toEqual({ seconds: 2, open: true });
  expect(quantile([], 0.5)).toBeUndefined();
});

test("calls, errors and refusals are counted for each datasource and template", () => {
  const figures = figuresOf(
    [
      'portcullis_calls_total{datasource="a",outcome="ok"} 5',
      'portcullis_calls_total{datasource="a",outcome="service"} 2',
      'portcullis_calls_total{template="t",outcome="denied"} 1',
      'portcullis_datasource_call_duration_seconds_bucket{datasource="a",le="0.01"} 7',
      'portcullis_datasource_call_duration_seconds_bucket{datasource="a",le="+Inf"} 7',
      'portcullis_refusals_total{template="t",rule="tables"} 4',
      "portcullis_memory_bytes 10",
    ].join("\n"),
  );
  expect(figures.sources.map(({ name, kind, calls, errors }) => [name, kind, calls, errors])).toEqual([
    ["a", "datasource", 7, 2],
    ["t", "template", 1, 1],
  ]);
  expect(figures.sources[0]?.p50?.seconds).toBeCloseTo(0.005);
  expect(figures.refusals).toEqual([{ name: "t", rule: "tables", count: 4 }]);
  expect(figures.memory).toBe(10);
});

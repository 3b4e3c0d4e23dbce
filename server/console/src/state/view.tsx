// The operator's view: what runs, how well, and what was refused.

import { useEffect, useRef, useState } from "preact/hooks";
import { latestRefusals, listDatasources, metrics } from "../api/calls";
import type { DatasourceList, Refusal } from "../api/types";
import { isUsable } from "../app/datasources";
import { DatasourceState } from "../app/home";
import { useLoad } from "../app/load";
import { ProblemBox } from "../app/problem";
import { href } from "../app/route";
import { Scroll } from "../app/scroll";
import { texts } from "../texts";
import { count, size } from "../app/figures";
import { type CallFigures, figuresOf, type ServerFigures } from "./figures";
import type { Quantile } from "./metrics";
import { Refusals } from "./refusals";
import "./state.css";

interface Shown {
  figures: ServerFigures;
  list: DatasourceList;
  refusals: Refusal[] | undefined;
  at: Date;
}

const EVERY = 5000;

async function read(signal: AbortSignal): Promise<Shown> {
  const [text, list, refusals] = await Promise.all([metrics(signal), listDatasources(signal), latestRefusals(signal)]);
  return { figures: figuresOf(text), list, refusals, at: new Date() };
}

/** The view. It loads again every five seconds, unless it is paused, in a hidden tab, or still loading. */
export function StateView() {
  const shown = useLoad(read, []);
  const [paused, setPaused] = useState(false);
  const denied = shown.problem?.status === 403;
  const isReading = useRef(false);
  isReading.current = shown.loading;
  useEffect(() => {
    if (paused || denied) return;
    const timer = setInterval(() => {
      // A new read ends one that runs, so nothing would ever be shown of a server that is slower than this.
      if (!document.hidden && !isReading.current) shown.reload();
    }, EVERY);
    return () => clearInterval(timer);
  }, [paused, denied, shown.reload]);
  if (denied) {
    return (
      <main class="empty">
        <h2>{texts.state.needsOperator}</h2>
        <p>{texts.state.needsOperatorHelp}</p>
      </main>
    );
  }
  const { value, problem } = shown;
  return (
    <main class="page">
      <div class="spread">
        <div>
          <h1>{texts.state.title}</h1>
          <p class="lead">{texts.state.lead}</p>
        </div>
        <div class="actions">
          {value && <span class="muted">{texts.state.updated(value.at.toLocaleTimeString())}</span>}
          <button type="button" class="button small" aria-pressed={paused} onClick={() => setPaused(!paused)}>
            {paused ? texts.state.resume : texts.state.pause}
          </button>
        </div>
      </div>
      {problem && (
        <ProblemBox problem={problem}>
          <button type="button" class="button small" onClick={shown.reload}>
            {texts.app.retry}
          </button>
        </ProblemBox>
      )}
      {!value && !problem && <div class="loading" aria-busy="true" />}
      {value && (
        <>
          <Server figures={value.figures} />
          <Sources list={value.list} figures={value.figures.sources} />
          <Refusals latest={value.refusals} counts={value.figures.refusals} />
        </>
      )}
    </main>
  );
}

function Server({ figures }: { figures: ServerFigures }) {
  const facts: [string, string][] = [
    [texts.state.memory, `${size(figures.memory)} / ${size(figures.memoryLimit)}`],
    [texts.state.connections, count(figures.connections)],
    [texts.state.reloads, count(figures.reloads) + (figures.failedReloads > 0 ? `, ${texts.state.failed(count(figures.failedReloads))}` : "")],
  ];
  return (
    <dl class="panel server-facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Sources({ list, figures }: { list: DatasourceList; figures: CallFigures[] }) {
  const templates = figures.filter((one) => one.kind === "template");
  return (
    <section class="stack">
      <h2>{texts.state.datasources}</h2>
      <Scroll label={texts.state.datasources}>
        <table class="grid">
          <thead>
            <tr>
              <th scope="col">{texts.state.name}</th>
              <th scope="col">{texts.state.state}</th>
              {[texts.state.calls, texts.state.errors, texts.state.running, texts.state.p50, texts.state.p99].map((label) => (
                <th key={label} scope="col" class="number">
                  {label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {list.datasources.map((source) => (
              // A saved datasource may have the name of one of the policy.
              <tr key={`${source.origin} ${source.name}`}>
                <td class="name">
                  {isUsable(source, list) ? <a href={href(["d", source.name, "tables"])}>{source.name}</a> : source.name}
                </td>
                <td>
                  <DatasourceState source={source} />
                </td>
                <Figures figures={figures.find((one) => one.kind === "datasource" && one.name === source.name)} />
              </tr>
            ))}
            {templates.map((template) => (
              <tr key={`template ${template.name}`}>
                <td class="name">{texts.state.templateRow(template.name)}</td>
                <td class="muted">–</td>
                <Figures figures={template} />
              </tr>
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function Figures({ figures }: { figures: CallFigures | undefined }) {
  if (!figures || figures.calls === 0) {
    return (
      <td colSpan={5} class="muted number">
        {texts.state.none}
      </td>
    );
  }
  const share = Math.round((figures.errors / figures.calls) * 1000) / 10;
  return (
    <>
      <td class="number">{count(figures.calls)}</td>
      <td class="number" title={figures.outcomes.map(([outcome, number]) => `${outcome}: ${count(number)}`).join("\n")}>
        {count(figures.errors)} {figures.errors > 0 && <span class="muted">{share} %</span>}
      </td>
      <td class="number">{count(figures.running)}</td>
      <td class="number">{time(figures.p50)}</td>
      <td class="number">{time(figures.p99)}</td>
    </>
  );
}

function time(quantile: Quantile | undefined): string {
  if (!quantile) return "–";
  const milliseconds = quantile.seconds * 1000;
  const text = texts.tables.milliseconds(milliseconds < 10 ? milliseconds.toFixed(1) : String(Math.round(milliseconds)));
  return quantile.open ? texts.state.atLeast(text) : text;
}

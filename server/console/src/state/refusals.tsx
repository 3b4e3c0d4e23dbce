// What the policy refused: the latest refusals if the server lists them, and how many there were.

import type { Refusal } from "../api/types";
import { texts } from "../texts";
import { count } from "../app/figures";
import { Scroll } from "../app/scroll";
import type { RefusalCount } from "./figures";

/** The section. */
export function Refusals({ latest, counts }: { latest: Refusal[] | undefined; counts: RefusalCount[] }) {
  return (
    <section class="stack">
      <div>
        <h2>{texts.state.refusals}</h2>
        {latest && <p class="muted">{texts.state.refusalsHelp}</p>}
      </div>
      {latest && latest.length > 0 && <Latest refusals={latest} />}
      {counts.length > 0 ? <Counts counts={counts} /> : (latest ?? []).length === 0 && <p class="muted">{texts.state.noRefusals}</p>}
    </section>
  );
}

function Latest({ refusals }: { refusals: Refusal[] }) {
  return (
    <Scroll label={texts.state.refusals}>
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">{texts.state.time}</th>
            <th scope="col">{texts.state.name}</th>
            <th scope="col">{texts.state.caller}</th>
            <th scope="col">{texts.state.rule}</th>
            <th scope="col">{texts.state.subject}</th>
            <th scope="col">{texts.state.allow}</th>
          </tr>
        </thead>
        <tbody>
          {refusals.map((refusal, index) => (
            <tr key={`${refusal.time} ${index}`}>
              <td class="nowrap">{new Date(refusal.time).toLocaleTimeString()}</td>
              <td class="name">
                {refusal.datasource}
                {refusal.tenant && <span class="muted"> {refusal.tenant}</span>}
              </td>
              <td>{refusal.caller}</td>
              <td>{refusal.rule}</td>
              <td class="mono">{[refusal.action, refusal.subject].filter(Boolean).join(": ")}</td>
              <td>{refusal.remedy && <code>{refusal.remedy}</code>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

function Counts({ counts }: { counts: RefusalCount[] }) {
  return (
    <Scroll label={texts.state.refusals}>
      <table class="grid">
        <thead>
          <tr>
            <th scope="col">{texts.state.name}</th>
            <th scope="col">{texts.state.rule}</th>
            <th scope="col" class="number">
              {texts.state.count}
            </th>
          </tr>
        </thead>
        <tbody>
          {counts.map((refusal) => (
            <tr key={`${refusal.name} ${refusal.rule}`}>
              <td class="name">{refusal.name}</td>
              <td>{refusal.rule}</td>
              <td class="number">{count(refusal.count)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroll>
  );
}

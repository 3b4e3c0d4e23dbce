// The values of placeholders.

import type { Fault } from "../api/problem";
import { texts } from "../texts";
import { valueFault } from "./faults";
import { type BoundValue, type BoundValues, valueMistake } from "./request";

export interface ValuesProps {
  names: readonly string[];
  values: BoundValues;
  /** What the server found wrong in them. */
  faults: readonly Fault[];
  onChange: (name: string, value: BoundValue) => void;
  onRun: () => void;
}

/** A field for each placeholder. */
export function Values({ names, values, faults, onChange, onRun }: ValuesProps) {
  const t = texts.query.values;
  const runKeys = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      onRun();
    }
  };
  return (
    <fieldset class="values" onKeyDown={runKeys}>
      <legend>{t.title}</legend>
      <p class="muted small-print">{t.help}</p>
      {names.map((name) => {
        const value = values.get(name) ?? { kind: "text", text: "" };
        const mistake = valueMistake(value);
        const fault = mistake === "empty" ? t.empty : mistake === "not-json" ? t.notJson : valueFault(faults, name);
        const id = `value-${name}`;
        return (
          <div class="bound" key={name}>
            <label class="placeholder-name mono" for={id}>
              {name}
            </label>
            <select
              class="input small"
              aria-label={t.kind(name)}
              value={value.kind}
              onChange={(event) => onChange(name, { ...value, kind: event.currentTarget.value as BoundValue["kind"] })}
            >
              <option value="text">{t.kinds.text}</option>
              <option value="json">{t.kinds.json}</option>
            </select>
            <textarea
              id={id}
              class="input small mono"
              rows={Math.min(6, value.text.split("\n").length)}
              spellcheck={false}
              aria-label={t.value(name)}
              aria-invalid={fault !== undefined}
              {...(fault === undefined ? {} : { "aria-describedby": `${id}-fault` })}
              value={value.text}
              onInput={(event) => onChange(name, { ...value, text: event.currentTarget.value })}
            />
            {fault !== undefined && (
              <p class="fault" id={`${id}-fault`}>
                {fault}
              </p>
            )}
          </div>
        );
      })}
    </fieldset>
  );
}

// The options of a call.

import { texts } from "../texts";
import { Menu } from "./menu";
import type { RequestOptions } from "./request";

export interface OptionsProps {
  options: RequestOptions;
  hasPages: boolean;
  /** Whether the input asks for the consumed capacity, or `undefined` if the action cannot report it. */
  capacity: boolean | undefined;
  setCapacity: (capacity: boolean) => void;
  onChange: (change: Partial<RequestOptions>) => void;
}

/** A menu with the options. Its label counts those that are not as usual. */
export function OptionsMenu({ options, hasPages, capacity, setCapacity, onChange }: OptionsProps) {
  const t = texts.query.options;
  const isDeadlineWrong = options.deadline !== "" && !/^[1-9][0-9]{0,5}(ms|s|m|h)$/.test(options.deadline);
  const changed = [options.pages === "all", options.deadline !== "", options.resubmit, !options.strict].filter(
    Boolean,
  ).length;
  const label = texts.query.toolbar.options;
  return (
    <Menu label={changed > 0 ? `${label} · ${changed}` : label} name={label}>
      {() => (
        <div class="menu-form">
          <div class="field">
            <label for="option-deadline">{t.deadline}</label>
            <input
              id="option-deadline"
              class="input small mono"
              placeholder="5s"
              value={options.deadline}
              aria-invalid={isDeadlineWrong}
              aria-describedby="option-deadline-help"
              onInput={(event) => onChange({ deadline: event.currentTarget.value.trim() })}
            />
            <p id="option-deadline-help" class={isDeadlineWrong ? "fault" : "help"}>
              {isDeadlineWrong ? t.deadlineWrong : t.deadlineHelp}
            </p>
          </div>
          {hasPages && (
            <>
              <Check
                label={t.pages}
                checked={options.pages === "all"}
                set={(all) => onChange({ pages: all ? "all" : "one" })}
              />
              {options.pages === "all" && (
                <div class="field">
                  <label for="option-items">{t.maxItems}</label>
                  <input
                    id="option-items"
                    class="input small mono"
                    inputMode="numeric"
                    value={options.maxItems}
                    onInput={(event) =>
                      onChange({
                        maxItems: event.currentTarget.value
                          .replace(/[^0-9]/g, "")
                          .replace(/^0+/, "")
                          .slice(0, 10),
                      })
                    }
                  />
                </div>
              )}
            </>
          )}
          {capacity !== undefined && <Check label={t.capacity} checked={capacity} set={setCapacity} />}
          <Check label={t.resubmit} checked={options.resubmit} set={(resubmit) => onChange({ resubmit })} />
          <Check label={t.strict} checked={options.strict} set={(strict) => onChange({ strict })} />
        </div>
      )}
    </Menu>
  );
}

function Check({ label, checked, set }: { label: string; checked: boolean; set: (checked: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => set(event.currentTarget.checked)} />
      {label}
    </label>
  );
}

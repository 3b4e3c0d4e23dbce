// One field of the form, with its help and its fault.

import { useEffect, useState } from "preact/hooks";
import { Prose } from "../app/prose";
import { texts } from "../texts";
import type { Field } from "./fields";

interface Props {
  /** The id in the page, which faults refer to. */
  id: string;
  field: Field;
  value: string;
  fault: string | undefined;
  /** Whether it may stay empty although it is required, because a value was saved. */
  keeps?: boolean;
  changed: (value: string) => void;
}

/** A labelled field. */
export function FieldInput(props: Props) {
  const { id, field, fault, keeps } = props;
  const describedBy = [field.description && `${id}-help`, fault && `${id}-fault`].filter(Boolean).join(" ");
  const common = {
    "aria-invalid": fault !== undefined,
    ...(describedBy ? { "aria-describedby": describedBy } : {}),
  };
  return (
    <div class="field">
      <label for={id}>
        {field.title} {!field.required && !keeps && <span class="optional">{texts.app.optional}</span>}
      </label>
      <Control {...props} common={common} />
      <Fault id={id} fault={fault} />
      {field.description && (
        <p class="help" id={`${id}-help`}>
          {field.description}
        </p>
      )}
    </div>
  );
}

/** What is wrong with a field. The field names it in `aria-describedby`. */
export function Fault({ id, fault }: { id: string; fault: string | undefined }) {
  if (fault === undefined) return null;
  return (
    <p class="fault" id={`${id}-fault`}>
      <Prose text={fault} />
    </p>
  );
}

type Common = { "aria-invalid": boolean; "aria-describedby"?: string };

function Control(props: Props & { common: Common }) {
  const { id, field, value, changed, common } = props;
  switch (field.kind) {
    case "choice":
      return <ChoiceControl {...props} />;
    case "boolean":
      return (
        <select id={id} class="input" value={value} onChange={(event) => changed(event.currentTarget.value)} {...common}>
          <option value="">{field.required ? texts.connect.choose : texts.connect.notSet}</option>
          <option value="true">{texts.connect.yes}</option>
          <option value="false">{texts.connect.no}</option>
        </select>
      );
    case "number":
      return <input id={id} class="input" inputMode="decimal" value={value} placeholder={texts.connect.notSet} onInput={(event) => changed(event.currentTarget.value)} {...common} />;
    case "text":
      return field.secret ? <SecretControl {...props} /> : <TextControl {...props} />;
  }
}

function TextControl({ id, field, value, changed, common }: Props & { common: Common }) {
  return (
    <input
      id={id}
      class="input"
      autocomplete="off"
      spellcheck={false}
      value={value}
      placeholder={field.example ?? ""}
      onInput={(event) => changed(event.currentTarget.value)}
      {...common}
    />
  );
}

/** A secret: hidden unless people ask to see what they typed. Browsers are told that it is no password to save. */
function SecretControl({ id, value, changed, common, keeps }: Props & { common: Common }) {
  const [shown, setShown] = useState(false);
  return (
    <div class="secret">
      <input
        id={id}
        class="input mono"
        // The types of Preact want one literal.
        type={(shown ? "text" : "password") as "password"}
        autocomplete="new-password"
        spellcheck={false}
        value={value}
        placeholder={keeps ? "••••••••" : ""}
        onInput={(event) => changed(event.currentTarget.value)}
        {...common}
      />
      <button type="button" class="button quiet small" aria-pressed={shown} aria-controls={id} onClick={() => setShown(!shown)} disabled={value === ""}>
        {shown ? texts.connect.hide : texts.connect.show}
      </button>
    </div>
  );
}

const OTHER = "\u0000other";

/** A list of known values, and a field for others where the schema allows them. */
function ChoiceControl({ id, field, value, changed, common }: Props & { common: Common }) {
  const isKnown = value === "" || field.choices.some((choice) => choice.value === value);
  const [other, setOther] = useState(!isKnown);
  useEffect(() => {
    if (!isKnown) setOther(true);
  }, [isKnown]);
  const prefixes = field.free.flatMap(({ prefix }) => (prefix === undefined ? [] : [prefix]));
  return (
    <>
      <select
        id={id}
        class="input"
        value={other ? OTHER : value}
        onChange={(event) => {
          const chosen = event.currentTarget.value;
          setOther(chosen === OTHER);
          changed(chosen === OTHER ? "" : chosen);
        }}
        {...common}
        // The text is wrong, and not that it is none of the list.
        aria-invalid={common["aria-invalid"] && !other}
      >
        <option value="">{field.required ? texts.connect.choose : texts.connect.notSet}</option>
        {field.choices.map(({ value, title }) => (
          <option key={value} value={value}>
            {title === undefined ? value : `${value} · ${title}`}
          </option>
        ))}
        {field.free.length > 0 && <option value={OTHER}>{texts.connect.other}</option>}
      </select>
      {other && (
        <input
          class="input"
          aria-label={texts.connect.otherOf(field.title)}
          autocomplete="off"
          spellcheck={false}
          value={value}
          placeholder={prefixes.map((prefix) => `${prefix}…`).join(", ")}
          onInput={(event) => changed(event.currentTarget.value)}
          {...common}
        />
      )}
    </>
  );
}

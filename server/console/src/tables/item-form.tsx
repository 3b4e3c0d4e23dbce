// The attributes of an item as a form.

import { useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { CloseIcon } from "../app/icons";
import { texts } from "../texts";
import { TAGS, type Tag } from "./attribute";
import type { FormRow } from "./form-rows";

interface Props {
  rows: FormRow[];
  readOnly: boolean;
  faults: ReadonlyMap<number, string>;
  changed: (rows: FormRow[]) => void;
  /** Whether the first value gets the focus. */
  focuses: boolean;
}

/** The form. */
export function ItemForm({ rows, readOnly, faults, changed, focuses }: Props) {
  const set = (row: FormRow) => changed(rows.map((old) => (old.id === row.id ? row : old)));
  return (
    <div class="attributes">
      {rows.map((row, index) => (
        <Attribute key={row.id} row={row} focuses={focuses && index === 0} readOnly={readOnly} fault={faults.get(row.id)} changed={set} removed={() => changed(rows.filter((old) => old.id !== row.id))} />
      ))}
    </div>
  );
}

/** What a value begins with when people choose its type. */
const BEGINNINGS: Partial<Record<Tag, string>> = { BOOL: "true", L: "[]", M: "{}", SS: '[""]', NS: '["0"]', BS: "[]" };

interface AttributeProps {
  row: FormRow;
  focuses: boolean;
  readOnly: boolean;
  fault: string | undefined;
  changed: (row: FormRow) => void;
  removed: () => void;
}

function Attribute({ row, focuses, readOnly, fault, changed, removed }: AttributeProps) {
  const label = row.name || texts.tables.attribute;
  const name = useRef<HTMLInputElement>(null);
  // Before the next key is pressed.
  useLayoutEffect(() => {
    if (!readOnly && row.name === "") name.current?.focus();
  }, []);
  // A fault stands below the field that it is about.
  const isOfName = fault !== undefined && (row.name === "" || fault === texts.tables.duplicateName(row.name));
  // Decided once for each type: with another element, what is being typed would lose its focus.
  const isLong = useMemo(() => ["L", "M", "SS", "NS", "BS"].includes(row.tag) || (row.tag === "S" && (row.text.length > 60 || row.text.includes("\n"))), [row.tag]);
  const isJsonText = row.tag === "S" && row.isJson;
  const faultId = `attribute-${row.id}-fault`;
  const noteId = `attribute-${row.id}-note`;
  const describedBy = [isJsonText && !readOnly && noteId, fault !== undefined && !isOfName && faultId].filter(Boolean).join(" ");
  const common = {
    ...(describedBy ? { "aria-describedby": describedBy } : {}),
    class: `input small mono v-${row.tag}`,
    "aria-label": `${label}: ${texts.tables.value}`,
    "aria-invalid": fault !== undefined && !isOfName,
    // For when the dialog opens.
    autofocus: focuses,
    spellcheck: false,
    readOnly,
    value: row.text,
  };
  return (
    <div class="attribute" role="group" aria-label={label}>
      <input
        class="input small mono attribute-name"
        aria-label={texts.tables.attributeName}
        placeholder={texts.tables.attributeName}
        spellcheck={false}
        readOnly={readOnly || row.isKey}
        ref={name}
        aria-invalid={isOfName}
        {...(isOfName ? { "aria-describedby": faultId } : {})}
        value={row.name}
        onInput={(event) => changed({ ...row, name: event.currentTarget.value })}
      />
      <select
        class="input small"
        aria-label={`${label}: ${texts.tables.type}`}
        disabled={readOnly || row.isKey}
        value={row.tag}
        onChange={(event) => {
          const tag = event.currentTarget.value as Tag;
          // A field with two choices has one of them.
          const isEmpty = row.text === "" || row.text === BEGINNINGS[row.tag] || (tag === "BOOL" && row.text !== "false");
          changed(isEmpty ? { ...row, tag, text: BEGINNINGS[tag] ?? "", isJson: false } : { ...row, tag });
        }}
      >
        {TAGS.map((tag) => (
          <option key={tag} value={tag}>
            {texts.tables.valueTypes[tag]}
          </option>
        ))}
      </select>
      {row.tag === "NULL" ? (
        <span class="input small mono v-NULL attribute-null">null</span>
      ) : row.tag === "BOOL" ? (
        <select class="input small mono v-BOOL" aria-label={common["aria-label"]} disabled={readOnly} value={row.text} onChange={(event) => changed({ ...row, text: event.currentTarget.value })}>
          <option value="true">true</option>
          <option value="false">false</option>
        </select>
      ) : isLong ? (
        <textarea {...common} rows={Math.min(12, Math.max(2, row.text.split("\n").length))} onInput={(event) => changed({ ...row, text: event.currentTarget.value })} />
      ) : (
        <input {...common} onInput={(event) => changed({ ...row, text: event.currentTarget.value })} />
      )}
      {row.isKey ? (
        <span class="attribute-key muted">{texts.tables.key}</span>
      ) : (
        !readOnly && (
          <button type="button" class="button quiet small icon" aria-label={texts.tables.removeAttribute(label)} onClick={removed}>
            <CloseIcon />
          </button>
        )
      )}
      {isJsonText && !readOnly && (
        <p class="attribute-note muted" id={noteId}>
          {texts.tables.textAsJson}
        </p>
      )}
      {fault !== undefined && (
        <p class={isOfName ? "fault of-name" : "fault"} id={faultId}>
          {fault}
        </p>
      )}
    </div>
  );
}

// The form of a PartiQL statement with its parameters.

import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Fault } from "../api/problem";
import type { Knowledge } from "../schema/complete";
import { parseDocument } from "../schema/document";
import { guessType } from "../tables/search";
import { texts } from "../texts";
import { EditorView } from "./editor-view";
import { comparedKeyType, countMarks, readStatement, writeStatement, type Parameter, type Statement } from "./statement";

export interface StatementFormProps {
  /** The input as JSON. */
  text: string;
  /** What the server found wrong in this input. */
  faults: readonly Fault[];
  knowledge: Knowledge;
  onChange: (text: string) => void;
  onRun: () => void;
  onCancel: () => boolean;
}

/** The kind of a parameter that people type: that of the key that it is compared with, or what it looks like. */
function guessedKind(text: string, key: string | undefined): Parameter["kind"] {
  return guessType(text) === "N" && key !== "S" ? "number" : "text";
}

const PARAMETER = /^\/Parameters\/([0-9]+)(?:\/|$)/;

/** The id of the field with a parameter. */
function parameterId(index: number | string): string {
  return `parameter-${index}`;
}

/** Gives the focus to the field that a fault is about. */
export function focusFault({ pointer }: Fault): void {
  const index = PARAMETER.exec(pointer)?.[1];
  const parameter = index === undefined ? null : document.getElementById(parameterId(index));
  (parameter ?? document.querySelector<HTMLElement>(".statement-editor .cm-content"))?.focus();
}

/** What is wrong with a parameter. */
function faultOf({ kind, text }: Parameter, index: number, faults: readonly Fault[]): string | undefined {
  if (kind === "number" && text !== "" && guessType(text) !== "N") return texts.query.statement.notANumber;
  if (kind === "json" && text !== "" && !isJson(text)) return texts.query.values.notJson;
  return faults.find(({ pointer }) => PARAMETER.exec(pointer)?.[1] === String(index))?.message;
}

/** Whether a text is JSON, perhaps with placeholders. */
function isJson(text: string): boolean {
  const { root, mistakes } = parseDocument(text);
  return root !== undefined && mistakes.length === 0;
}

/** Whether a text is the JSON of a whole input, and not a statement. */
function isInput(text: string, format: Knowledge["format"]): boolean {
  return text.trimStart().startsWith("{") && (readStatement(text, format)?.statement ?? "") !== "";
}

const KINDS: readonly Parameter["kind"][] = ["text", "number", "boolean", "null", "json"];

/** A statement and its parameters. Changes are written into the JSON. */
export function StatementForm({ text, faults, knowledge, onChange, onRun, onCancel }: StatementFormProps) {
  const t = texts.query.statement;
  const { format } = knowledge;
  // What the form itself has written. A parameter that is not JSON yet cannot be read back.
  const [own, setOwn] = useState<{ text: string; statement: Statement; base: string } | undefined>();
  const read = useMemo(() => (own?.text === text ? own.statement : readStatement(text, format)), [text, format, own]);
  /** The parameters whose type people have chosen. */
  const chosen = useRef<ReadonlySet<number>>(new Set());
  const fields = useRef<HTMLFieldSetElement>(null);
  const [isAdded, setAdded] = useState(false);
  useLayoutEffect(() => {
    if (!isAdded) return;
    setAdded(false);
    [...(fields.current?.querySelectorAll<HTMLElement>(".parameter input") ?? [])].at(-1)?.focus();
  }, [isAdded]);
  if (!read) return <p class="muted pad">{t.notAForm}</p>;
  const write = (change: Partial<Statement>) => {
    const statement = { ...read, ...change };
    // Into the text before the form's own change, if that cannot be parsed.
    const next = writeStatement(
      parseDocument(text).mistakes.length === 0 ? text : (own?.base ?? ""),
      statement,
      format,
    );
    setOwn({ text: next, statement, base: parseDocument(next).mistakes.length === 0 ? next : (own?.base ?? text) });
    onChange(next);
  };
  const setParameter = (index: number, change: Partial<Parameter>) => {
    write({ parameters: read.parameters.map((one, at) => (at === index ? { ...one, ...change } : one)) });
  };
  // Text that is a number is one, unless people have chosen the type: the number 100 is not the text 100.
  const type = (index: number, text: string) => {
    const before = read.parameters[index];
    const key = comparedKeyType(read.statement, index, knowledge);
    const isGuessed = !chosen.current.has(index) && before?.kind === guessedKind(before?.text ?? "", key);
    setParameter(index, isGuessed ? { text, kind: guessedKind(text, key) } : { text });
  };
  const marks = countMarks(read.statement);
  const ofStatement = faults.filter(({ pointer }) => !PARAMETER.test(pointer));
  const runKeys = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.target instanceof HTMLInputElement) {
      event.preventDefault();
      onRun();
    }
  };
  return (
    <div class="statement-form">
      <EditorView
        text={read.statement}
        language="partiql"
        label={t.label}
        placeholder={t.placeholder}
        class="statement-editor"
        knowledge={knowledge}
        // People also paste a whole input, such as a documented example.
        onChange={(statement) => (isInput(statement, format) ? onChange(statement) : write({ statement }))}
        onRun={onRun}
        onCancel={onCancel}
      />
      <fieldset class="parameters" onKeyDown={runKeys} ref={fields}>
        <legend>{t.parameters}</legend>
        {read.parameters.map((one, index) => {
          const fault = faultOf(one, index, faults);
          return (
            <div class="parameter" key={index}>
              <span class="muted number">{index + 1}</span>
              <select
                class="input small"
                aria-label={t.kind(index + 1)}
                value={one.kind}
                onChange={(event) => {
                  chosen.current = new Set([...chosen.current, index]);
                  setParameter(index, { kind: event.currentTarget.value as Parameter["kind"] });
                }}
              >
                {KINDS.map((kind) => (
                  <option key={kind} value={kind}>
                    {t.kinds[kind]}
                  </option>
                ))}
              </select>
              {one.kind === "boolean" ? (
                <select
                  class="input small"
                  aria-label={t.parameter(index + 1)}
                  value={one.text === "true" ? "true" : "false"}
                  onChange={(event) => setParameter(index, { text: event.currentTarget.value })}
                >
                  <option>true</option>
                  <option>false</option>
                </select>
              ) : (
                <input
                  id={parameterId(index)}
                  class="input small mono"
                  aria-label={t.parameter(index + 1)}
                  aria-invalid={fault !== undefined}
                  {...(fault === undefined ? {} : { "aria-describedby": `${parameterId(index)}-fault` })}
                  disabled={one.kind === "null"}
                  spellcheck={false}
                  value={one.kind === "null" ? "" : one.text}
                  onInput={(event) => type(index, event.currentTarget.value)}
                />
              )}
              <button
                type="button"
                class="button quiet small"
                aria-label={t.remove(index + 1)}
                title={t.remove(index + 1)}
                onClick={() => {
                  chosen.current = new Set([...chosen.current].flatMap((at) => (at === index ? [] : at > index ? [at - 1] : [at])));
                  write({ parameters: read.parameters.filter((_, at) => at !== index) });
                }}
              >
                ✕
              </button>
              {fault !== undefined && (
                <p class="fault" id={`${parameterId(index)}-fault`}>
                  {fault}
                </p>
              )}
            </div>
          );
        })}
        <button
          type="button"
          class="button small add"
          onClick={() => {
            write({ parameters: [...read.parameters, { kind: "text", text: "" }] });
            setAdded(true);
          }}
        >
          {t.add}
        </button>
        <p class="muted small-print">{t.parametersHelp}</p>
        {ofStatement.map(({ message }) => (
          <p class="fault" key={message}>
            {message}
          </p>
        ))}
        <p class="fault" role="status">
          {marks !== read.parameters.length && t.marks(marks, read.parameters.length)}
        </p>
      </fieldset>
    </div>
  );
}

// The editor as a component.

import { useEffect, useRef } from "preact/hooks";
import type { Knowledge } from "../schema/complete";
import type { Document } from "../schema/document";
import type { Finding } from "../schema/lint";
import { Editor } from "./editor";
import type { LanguageName } from "./language";

export interface EditorViewProps {
  text: string;
  language?: LanguageName;
  label: string;
  placeholder?: string;
  readOnly?: boolean;
  class?: string;
  knowledge?: Knowledge;
  faults?: (document: Document) => readonly Finding[];
  onChange?: (text: string) => void;
  onRun?: () => void;
  onCancel?: () => boolean;
  onFormat?: () => void;
  onFindings?: (findings: readonly Finding[]) => void;
  /** Takes the editor, to go to a place in it. */
  handle?: (editor: Editor | undefined) => void;
}

const NOTHING: Knowledge = { schema: undefined, structure: undefined, format: "typed" };

/** An editor that shows `text`, and tells of changes. */
export function EditorView(props: EditorViewProps) {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | undefined>(undefined);
  // The editor lives longer than one rendering, so it asks for the latest properties.
  const latest = useRef(props);
  // Texts that the editor has told of. They come back as the property, possibly after the user has typed on.
  const told = useRef<string[]>([]);
  latest.current = props;
  useEffect(() => {
    if (!host.current) return;
    const { language = "json", label, placeholder, readOnly = false } = latest.current;
    const made = new Editor(host.current, latest.current.text, {
      language,
      label,
      ...(placeholder === undefined ? {} : { placeholder }),
      readOnly,
      knowledge: () => latest.current.knowledge ?? NOTHING,
      faults: (document) => latest.current.faults?.(document) ?? [],
      onChange: (text) => {
        told.current.push(text);
        latest.current.onChange?.(text);
      },
      onRun: () => latest.current.onRun?.(),
      onCancel: () => latest.current.onCancel?.() ?? false,
      onFormat: () => latest.current.onFormat?.(),
      onFindings: (findings) => latest.current.onFindings?.(findings),
    });
    editor.current = made;
    latest.current.handle?.(made);
    return () => {
      latest.current.handle?.(undefined);
      made.destroy();
      host.current?.shadowRoot?.replaceChildren();
    };
  }, [props.label, props.language, props.readOnly]);
  useEffect(() => {
    const index = told.current.lastIndexOf(props.text);
    told.current = index < 0 ? [] : told.current.slice(index + 1);
    if (index < 0) editor.current?.setText(props.text);
  }, [props.text]);
  useEffect(() => {
    if ((props.language ?? "json") === "json" && props.readOnly !== true) editor.current?.refresh();
  }, [props.knowledge, props.faults]);
  return <div class={`editor ${props.class ?? ""}`} ref={host} />;
}

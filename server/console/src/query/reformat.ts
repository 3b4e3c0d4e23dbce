// Indents an input. Comments stay where they are.

import { parseDocument, type Node, type Span } from "../schema/document";

/** The text with one field on each line, or `undefined` if it has mistakes: then nothing is moved. */
export function reformat(text: string): string | undefined {
  const document = parseDocument(text);
  const { root, mistakes } = document;
  if (!root || mistakes.length > 0) return undefined;
  const comments = [...document.comments];
  let out = "";

  const commentsBefore = (offset: number, newline: string) => {
    while (comments[0] && comments[0].from < offset) {
      const comment = comments.shift() as Span;
      // One that follows a value on its line stays there.
      const isTrailing = !/\n\s*$/.test(text.slice(0, comment.from)) && out.trimEnd() !== "";
      if (isTrailing) out = `${out.trimEnd()} `;
      out += text.slice(comment.from, comment.to) + newline;
    }
  };
  const write = (node: Node, newline: string): void => {
    if (node.kind !== "object" && node.kind !== "array") {
      out += text.slice(node.from, node.to);
      return;
    }
    const children = node.kind === "object" ? node.fields.length : node.items.length;
    const hasComment = comments.some(({ from }) => from < node.to);
    if (!hasComment && (children === 0 || (node !== root && isShort(node, text)))) {
      out += onOneLine(node, text);
      return;
    }
    const inner = `${newline}  `;
    out += (node.kind === "object" ? "{" : "[") + inner;
    const each = (index: number, from: number, name: string, value: Node) => {
      commentsBefore(from, inner);
      out += name;
      write(value, inner);
      if (index < children - 1) out += `,${inner}`;
    };
    if (node.kind === "object") {
      for (const [index, { nameSpan, value }] of node.fields.entries()) {
        each(index, nameSpan.from, `${text.slice(nameSpan.from, nameSpan.to)}: `, value);
      }
    } else {
      for (const [index, item] of node.items.entries()) each(index, item.from, "", item);
    }
    if (comments[0] && comments[0].from < node.to) out += inner;
    commentsBefore(node.to, inner);
    out = out.trimEnd() + newline + (node.kind === "object" ? "}" : "]");
  };

  commentsBefore(root.from, "\n");
  write(root, "\n");
  if (comments.length > 0) out += "\n";
  commentsBefore(text.length + 1, "\n");
  return out.trimEnd();
}

/** Whether a value stays on one line: it was on one, and is short. */
function isShort(node: Node, text: string): boolean {
  return (
    node.to - node.from <= 60 &&
    depth(node) <= 2 &&
    !(node.kind === "object" && node.fields.length > 1 && depth(node) > 1) &&
    text.length > 0
  );
}

function depth(node: Node): number {
  if (node.kind === "object") return 1 + Math.max(0, ...node.fields.map((one) => depth(one.value)));
  return node.kind === "array" ? 1 + Math.max(0, ...node.items.map(depth)) : 0;
}

function onOneLine(node: Node, text: string): string {
  if (node.kind === "object") {
    const fields = node.fields.map(
      ({ nameSpan, value }) => `${text.slice(nameSpan.from, nameSpan.to)}: ${onOneLine(value, text)}`,
    );
    // Three braces in a row would begin with a placeholder's two.
    const close = fields.at(-1)?.endsWith("}}") ? " }" : "}";
    return `{${fields.join(", ")}${close}`;
  }
  if (node.kind === "array") return `[${node.items.map((item) => onOneLine(item, text)).join(", ")}]`;
  return text.slice(node.from, node.to);
}

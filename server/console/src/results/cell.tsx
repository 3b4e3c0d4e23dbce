// One value, on one line.

import { texts } from "../texts";
import { hex, preview, sizeOf, type Value, visible } from "./value";

/** The value of a cell or of a tree's line. All of it is text: nothing of a response becomes markup. */
export function Cell({ value, most = 200 }: { value: Value; most?: number }) {
  const t = texts.query.results;
  if (value.kind === "text" && value.text === "") return <span class="value null">{t.emptyText}</span>;
  if (value.kind === "binary") {
    const bytes = hex(value.base64, 24);
    return (
      <>
        <span class="value binary">{preview(value, most)}</span>
        {bytes && <span class="type">{t.bytes(bytes.bytes)}</span>}
      </>
    );
  }
  const size = sizeOf(value);
  return (
    <>
      <span class={`value ${value.kind}`}>{visible(preview(value, most))}</span>
      {size !== undefined && <span class="type">{value.kind === "set" ? t.set(value.type, size) : size}</span>}
    </>
  );
}

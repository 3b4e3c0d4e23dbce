// Quotes texts for a POSIX shell.

/**
 * A text as one word of a shell command. Between single quotes nothing has a meaning but the single quote itself.
 *
 * The command is pasted into a terminal, and the text may come from a table's data. A terminal obeys control characters:
 * ESC [201~ ends a bracketed paste, and what follows it is typed as commands; CR is the Enter key. So a text with
 * control characters is written with escapes, as `$'…'`, which bash, zsh, ksh and current POSIX shells read. The same is
 * done for characters that change the direction of text, with which a command could look like another one. A NUL cannot
 * be in an argument at all, and becomes the replacement character.
 */
export function quote(text: string): string {
  const clean = text.replaceAll("\u0000", "\ufffd");
  if (clean !== "" && /^[A-Za-z0-9_./:@%+,=-]+$/.test(clean) && !/^[-=~]/.test(clean)) return clean;
  if (!DANGEROUS.test(clean)) return `'${clean.replaceAll("'", "'\\''")}'`;
  const escaped = Array.from(clean, (character) => {
    if (character === "\\" || character === "'") return `\\${character}`;
    if (character === "\n") return "\\n";
    if (!DANGEROUS.test(character)) return character;
    // The bytes of UTF-8, in three octal digits each: \x would take further hexadecimal digits into the escape.
    const bytes = new TextEncoder().encode(character);
    return Array.from(bytes, (byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  });
  return `$'${escaped.join("")}'`;
}

/** Control characters but line feed, and characters that change the direction of text. */
const DANGEROUS = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

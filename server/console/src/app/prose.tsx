// Texts of the server as sentences.

/**
 * A text of the server with a capital letter, if it begins with a word. A name, such as that of a setting of the policy,
 * stays as it is.
 */
export function sentence(text: string): string {
  return /^[a-z]+[,;:]?(?= (?!=)|$)/.test(text) ? text.charAt(0).toUpperCase() + text.slice(1) : text;
}

/** A text of the server as a sentence. What is in backticks is shown as code. */
export function Prose({ text }: { text: string }) {
  // With one group, every second part is what was in backticks.
  return <>{sentence(text).split(/`([^`]+)`/).map((part, index) => (index % 2 === 0 ? part : <code key={index}>{part}</code>))}</>;
}

// Names of datasources.

/**
 * Whether the server saves a datasource under this name: 1 to 64 lower-case letters, digits and `. _ -`, beginning with
 * a letter or a digit, and no `..`. The rule of `server/store/src/name.rs`.
 */
export function isName(text: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(text) && !text.includes("..");
}

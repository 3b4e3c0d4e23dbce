import { expect, test } from "vitest";
import { isName } from "./name";

// The same names as in the test of `server/store/src/name.rs`.
test("the form accepts the names that the server accepts, and no others", () => {
  for (const name of ["a", "7", "acme-orders", "a.b_c", "a".repeat(64)]) expect(isName(name), name).toBe(true);
  for (const wrong of ["", ".", "..", "a..b", "-a", "_a", "A", "a/b", "a\\b", "a%2f", "a b", "a\0", "\u0430", "a:disable", "a*", "é", "a".repeat(65)]) {
    expect(isName(wrong), wrong).toBe(false);
  }
  // Not in that test: what only a regular expression could get wrong.
  for (const wrong of ["a\n", "a\n..", " a", "a ", "aB"]) expect(isName(wrong), wrong).toBe(false);
});

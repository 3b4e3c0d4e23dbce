import { render } from "preact";
import { afterEach, expect, test } from "vitest";
import { Prose, sentence } from "./prose";

afterEach(() => render(null, document.body));

test("a text of the server begins with a capital letter, but a name stays as it is", () => {
  expect(sentence('the token of "acme" may not')).toBe('The token of "acme" may not');
  expect(sentence("no")).toBe("No");
  for (const name of ["server.tokens.acme.manage must list it", 'access = "write"', "x-portcullis-tenant is missing", "dynamodb:GetItem", "It is", "`a` is", ""]) {
    expect(sentence(name)).toBe(name);
  }
});

test("what is in backticks is code, and nothing is HTML", () => {
  render(<Prose text="run `portcullis <b>check</b>`, or `x`; one ` alone stays" />, document.body);
  expect(document.body.innerHTML).toBe("Run <code>portcullis &lt;b&gt;check&lt;/b&gt;</code>, or <code>x</code>; one ` alone stays");
});

import { expect, test } from "vitest";
import { href, read } from "./route";

test("a route survives its own link, whatever is in the names", () => {
  const path = ["d", "a/b?c#d%", "tables", "<img onerror=1>", "ü"];
  const route = read(href(path, { index: "by-status&x=1", empty: "", none: undefined }));
  expect(route.path).toEqual(path);
  expect([...route.params]).toEqual([["index", "by-status&x=1"]]);
});

test("a hash that is not percent-encoded is taken as it is", () => {
  expect(read("#/d/50%/x").path).toEqual(["d", "50%", "x"]);
});

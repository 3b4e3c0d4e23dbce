import { render } from "preact";
import { afterEach, expect, test, vi } from "vitest";
import { Menu } from "./menu";

afterEach(() => render(null, document.body));

/** Shows a menu with three entries and a field. `press` presses a key where the focus is, and says where it is then. */
function show() {
  document.body.innerHTML = "";
  const chosen: string[] = [];
  render(
    <Menu label="Export" name="Export">
      {(close) => (
        <>
          {["a", "b", "c"].map((one) => (
            <button key={one} type="button" class="menu-item" onClick={() => (close(), chosen.push(one))}>
              {one}
            </button>
          ))}
          <input />
        </>
      )}
    </Menu>,
    document.body,
  );
  const button = document.querySelector("button") as HTMLButtonElement;
  const press = async (key: string, more = {}) => {
    const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...more });
    document.activeElement?.dispatchEvent(event);
    await new Promise((resolve) => setTimeout(resolve, 20));
    return `${document.activeElement?.textContent}${event.defaultPrevented ? "" : " (not used)"}`;
  };
  return { button, press, chosen };
}

test("arrow keys, Home and End move between the entries of a menu, and Escape returns to its button", async () => {
  const { button, press } = show();
  button.focus();
  expect(await press("Home")).toBe("Export▾ (not used)");
  expect(await press("ArrowDown")).toBe("a");
  expect(await press("ArrowDown")).toBe("b");
  expect(await press("End")).toBe("c");
  expect(await press("ArrowDown")).toBe("a");
  expect(await press("ArrowUp")).toBe("c");
  expect(await press("Home")).toBe("a");
  expect(await press("ArrowDown", { ctrlKey: true })).toBe("a (not used)");
  await press("Escape");
  expect(document.activeElement).toBe(button);
  expect(document.querySelector("[role=dialog]")).toBeNull();
  expect(await press("ArrowUp")).toBe("c");
});

test("a menu that is opened with the mouse takes arrow keys too, and choosing leaves the focus on its button", async () => {
  const { button, press, chosen } = show();
  button.focus();
  button.click();
  await vi.waitUntil(() => document.querySelector("[role=dialog]"));
  expect(await press("ArrowDown")).toBe("a");
  const entry = document.activeElement as HTMLElement;
  entry.click();
  await vi.waitUntil(() => document.querySelector("[role=dialog]") === null);
  expect(chosen).toEqual(["a"]);
  expect(document.activeElement).toBe(button);
});

test("in a field of a menu the keys belong to the field", async () => {
  const { button, press } = show();
  button.click();
  (await vi.waitUntil(() => document.querySelector("input"))).focus();
  expect(await press("ArrowDown")).toBe(" (not used)");
  expect(await press("Home")).toBe(" (not used)");
});

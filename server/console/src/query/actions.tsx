// The actions of a datasource, in groups and with search.

import type { ComponentChild } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Access, ActionOfDatasource } from "../api/types";
import { texts } from "../texts";

const GROUPS: readonly Access[] = ["read", "write", "admin"];

/** The actions that come first in their groups: most queries are one of them. */
const FREQUENT = [
  "Query",
  "Scan",
  "GetItem",
  "BatchGetItem",
  "ListTables",
  "DescribeTable",
  "ExecuteStatement",
  "PutItem",
  "UpdateItem",
  "DeleteItem",
  "BatchWriteItem",
  "TransactWriteItems",
  "CreateTable",
  "UpdateTable",
  "DeleteTable",
];

/** What else people call actions. */
const ALSO: Readonly<Record<string, string>> = {
  ExecuteStatement: "PartiQL SQL",
  BatchExecuteStatement: "PartiQL SQL",
  ExecuteTransaction: "PartiQL SQL",
};

export interface ActionListProps {
  actions: readonly ActionOfDatasource[];
  selected: string | undefined;
  choose: (name: string) => void;
}

/** A list of actions. Those that are not allowed can be looked at, and say why they cannot run. */
export function ActionList({ actions, selected, choose }: ActionListProps) {
  const t = texts.query.actions;
  const [search, setSearch] = useState("");
  const groups = useMemo(() => grouped(actions, search), [actions, search]);
  const flat = groups.flatMap(({ members }) => members);
  const [active, setActive] = useState<string | undefined>();
  const list = useRef<HTMLDivElement>(null);
  const current =
    flat.find(({ name }) => name === active) ?? (search !== "" ? flat[0] : flat.find(({ name }) => name === selected));

  useEffect(() => {
    list.current?.querySelector('[data-active="true"]')?.scrollIntoView({ block: "nearest" });
  }, [current?.name]);

  const onKeyDown = (event: KeyboardEvent) => {
    const index = flat.findIndex(({ name }) => name === current?.name);
    const to: Record<string, number> = { ArrowDown: index + 1, ArrowUp: index - 1 };
    const next = to[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setActive(flat[Math.max(0, Math.min(flat.length - 1, next))]?.name);
    } else if (event.key === "Enter" && current && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      choose(current.name);
    } else if (event.key === "Escape" && search !== "") {
      event.preventDefault();
      setSearch("");
    }
  };
  return (
    <div class="action-list">
      <input
        class="input small"
        type="text"
        role="combobox"
        aria-label={t.search}
        placeholder={t.search}
        aria-expanded="true"
        aria-controls="actions"
        aria-autocomplete="list"
        aria-activedescendant={current ? `action-${current.name}` : undefined}
        spellcheck={false}
        value={search}
        onInput={(event) => {
          setSearch(event.currentTarget.value);
          setActive(undefined);
        }}
        onKeyDown={onKeyDown}
      />
      <div class="action-groups" id="actions" role="listbox" aria-label={t.label} ref={list} tabIndex={-1}>
        {groups.map(({ access, members }) => (
          <div role="group" aria-labelledby={`group-${access}`} key={access}>
            <div class={`action-group ${access}`} id={`group-${access}`}>
              {t.groups[access]}
            </div>
            {members.map((one) => (
              <div
                key={one.name}
                id={`action-${one.name}`}
                role="option"
                class="action"
                aria-selected={one.name === selected}
                aria-disabled={!one.allowed}
                data-active={one.name === current?.name}
                title={one.reason ?? undefined}
                onClick={() => choose(one.name)}
              >
                <span>{breakable(one.name)}</span>
                {!one.allowed && <span class="action-denied">{t.deniedMark}</span>}
                {!one.allowed && one.name === current?.name && <span class="action-reason">{one.reason}</span>}
              </div>
            ))}
          </div>
        ))}
        {flat.length === 0 && <p class="muted pad">{t.none(search)}</p>}
      </div>
    </div>
  );
}

/** A name that may be broken before each of its words. */
function breakable(name: string): ComponentChild[] {
  return name.split(/(?=[A-Z][a-z])/).flatMap((word, index) => (index === 0 ? [word] : [<wbr key={index} />, word]));
}

function grouped(
  actions: readonly ActionOfDatasource[],
  search: string,
): { access: Access; members: ActionOfDatasource[] }[] {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = actions.filter(({ name }) => {
    const known = `${name} ${ALSO[name] ?? ""}`.toLowerCase();
    return words.every((word) => known.includes(word));
  });
  return GROUPS.map((access) => ({
    access,
    members: matching
      .filter((one) => one.access === access)
      .sort((a, b) => rank(a.name) - rank(b.name) || a.name.localeCompare(b.name)),
  })).filter(({ members }) => members.length > 0);
}

function rank(name: string): number {
  const index = FREQUENT.indexOf(name);
  return index < 0 ? FREQUENT.length : index;
}

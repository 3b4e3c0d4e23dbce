// The query and filter builder: fields for the key, filters, and what they amount to.

import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { stringify } from "../api/json";
import type { Table } from "../api/types";
import { CopyButton } from "../app/copy";
import { CloseIcon, PlusIcon } from "../app/icons";
import { href } from "../app/route";
import { texts } from "../texts";
import { TAGS, type Tag } from "./attribute";
import { type Built, keysOf } from "./request";
import { comparedType, EMPTY_FILTER, EVERYTHING, type Filter, FILTER_OPERATORS, guessFor, LIMITS, type Operator, type Search, SORT_OPERATORS, valuesOf } from "./search";

interface Props {
  datasource: string;
  table: Table;
  search: Search;
  built: Built;
  /** Whether faults are shown: not while people are still typing the first time. */
  showsFaults: boolean;
  /** The attributes that were seen, with their types. */
  seen: ReadonlyMap<string, Tag>;
  loading: boolean;
  changed: (search: Search) => void;
  run: () => void;
  stop: () => void;
}

/** The builder. */
export function Builder(props: Props) {
  const { table, search, built, seen, loading, changed } = props;
  const [showsJson, setShowsJson] = useState(false);
  const { partition, sort } = keysOf(table, search.index);
  const fault = (place: string) => (props.showsFaults ? built.faults[place] : undefined);
  const set = (change: Partial<Search>) => changed({ ...search, ...change });
  const setFilter = (index: number, filter: Filter | undefined) =>
    set({ filters: search.filters.flatMap((old, at) => (at !== index ? [old] : filter === undefined ? [] : [filter])) });
  const isClear = JSON.stringify({ ...search, limit: 0 }) === JSON.stringify({ ...EVERYTHING, limit: 0 });
  return (
    <form
      class="builder"
      autocomplete="off"
      onSubmit={(event) => {
        event.preventDefault();
        props.run();
      }}
      onKeyDown={(event) => {
        // While something is read, the form has no button to submit it, so Enter would do nothing.
        if (event.key !== "Enter" || !loading || !(event.target instanceof HTMLInputElement)) return;
        event.preventDefault();
        props.run();
      }}
    >
      <datalist id="attributes">
        {[...seen.keys()].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <div class="builder-row">
        {table.indexes.length > 0 && (
          <Labelled id="source" label={texts.tables.source}>
            <select
              id="source"
              class="input small"
              value={search.index}
              onChange={(event) => set({ index: event.currentTarget.value, partition: "", sort: EVERYTHING.sort })}
            >
              <option value="">{texts.tables.ofTable(table.name)}</option>
              {table.indexes.map((index) => (
                <option key={index.name} value={index.name}>
                  {texts.tables.ofIndex(index.name)}
                </option>
              ))}
            </select>
          </Labelled>
        )}
        {partition && (
          <Labelled id="partition" label={`${partition.name} =`} mono fault={fault("partition")}>
            <input
              id="partition"
              class="input small mono"
              spellcheck={false}
              placeholder={texts.tables.anyValue}
              value={search.partition}
              aria-invalid={fault("partition") !== undefined}
              {...describedBy("partition", fault("partition"))}
              onInput={(event) => set({ partition: event.currentTarget.value })}
            />
          </Labelled>
        )}
        {sort && (
          <Labelled id="sort" label={sort.name} mono fault={fault("sort")}>
            <div class="joined">
              <select
                class="input small"
                aria-label={`${sort.name}: ${texts.tables.operator}`}
                value={search.sort.operator}
                disabled={search.partition === ""}
                onChange={(event) => set({ sort: { ...search.sort, operator: event.currentTarget.value as Search["sort"]["operator"] } })}
              >
                {SORT_OPERATORS.filter((operator) => operator !== "begins_with" || sort.type !== "N").map((operator) => (
                  <option key={operator} value={operator}>
                    {texts.tables.operators[operator]}
                  </option>
                ))}
              </select>
              <Values
                id="sort"
                operator={search.sort.operator}
                values={search.sort.values}
                placeholder={texts.tables.anyValue}
                disabled={search.partition === ""}
                fault={fault("sort")}
                label={sort.name}
                changed={(values) => set({ sort: { ...search.sort, values } })}
              />
            </div>
          </Labelled>
        )}
        {sort && (
          <Labelled id="order" label={texts.tables.order}>
            <select id="order" class="input small" disabled={built.action !== "Query"} value={search.descending ? "descending" : ""} onChange={(event) => set({ descending: event.currentTarget.value !== "" })}>
              <option value="">{texts.tables.ascending}</option>
              <option value="descending">{texts.tables.descending}</option>
            </select>
          </Labelled>
        )}
        <Labelled id="limit" label={texts.tables.pageSize}>
          <select id="limit" class="input small" value={String(search.limit)} onChange={(event) => set({ limit: Number(event.currentTarget.value) })}>
            {[...new Set([...LIMITS, search.limit])].map((limit) => (
              <option key={limit} value={String(limit)}>
                {limit}
              </option>
            ))}
          </select>
        </Labelled>
      </div>
      {search.filters.length > 0 && (
        <fieldset class="filters">
          <legend class="visually-hidden">{texts.tables.filters}</legend>
          {search.filters.map((filter, index) => (
            // Filters have no identity other than their place.
            <FilterRow key={index} index={index} filter={filter} seen={seen} fault={fault(`filter.${index}`)} changed={(filter) => setFilter(index, filter)} />
          ))}
        </fieldset>
      )}
      <div class="builder-row builder-end">
        {loading ? (
          // Keys: as one element, the button would become the other one in the middle of a click on it.
          <button key="stop" type="button" class="button small" onClick={props.stop}>
            {texts.tables.stop}
          </button>
        ) : (
          <button key="run" type="submit" class="button primary small">
            {texts.tables.run}
          </button>
        )}
        <button type="button" class="button small" onClick={() => set({ filters: [...search.filters, EMPTY_FILTER] })}>
          <PlusIcon />
          {texts.tables.addFilter}
        </button>
        <button type="button" class="button quiet small" disabled={isClear} onClick={() => changed({ ...EVERYTHING, limit: search.limit })}>
          {texts.tables.clear}
        </button>
        <p class="kind" role="status">
          <span class={`chip ${built.action === "Query" ? "read" : "write"}`}>{built.action === "Query" ? texts.tables.isQuery : texts.tables.isScan}</span>
          <span class="muted">
            {built.action === "Query" ? texts.tables.queryWhy(search.index || table.name) : texts.tables.scanWhy(partition?.name ?? "")} {search.filters.length > 0 && texts.tables.filterNote}
          </span>
        </p>
        <button type="button" class="button quiet small" aria-expanded={showsJson} aria-controls="request-json" onClick={() => setShowsJson(!showsJson)}>
          {texts.tables.json}
        </button>
      </div>
      {showsJson && <RequestJson datasource={props.datasource} built={built} />}
    </form>
  );
}

function Labelled({ id, label, mono, fault, children }: { id: string; label: string; mono?: boolean; fault?: string | undefined; children: ComponentChildren }) {
  return (
    <div class="field builder-field">
      <label for={id} class={mono ? "mono" : ""}>
        {label}
      </label>
      {children}
      <Fault id={id} fault={fault} />
    </div>
  );
}

/** What is wrong with a field. The field names it, see `describedBy`. */
function Fault({ id, fault }: { id: string; fault: string | undefined }) {
  if (fault === undefined) return null;
  return (
    <p class="fault" id={`${id}-fault`}>
      {fault}
    </p>
  );
}

/** The attribute with which a field names its fault. */
function describedBy(id: string, fault: string | undefined): { "aria-describedby"?: string } {
  return fault === undefined ? {} : { "aria-describedby": `${id}-fault` };
}

interface ValuesProps {
  id: string;
  operator: string;
  values: [string, string];
  placeholder: string;
  label: string;
  disabled?: boolean;
  fault: string | undefined;
  changed: (values: [string, string]) => void;
}

function Values({ id, operator, values, placeholder, label, disabled = false, fault, changed }: ValuesProps) {
  const number = valuesOf(operator);
  if (number === 0) return null;
  const common = { class: "input small mono", spellcheck: false, disabled, "aria-invalid": fault !== undefined, ...describedBy(id, fault) };
  return (
    <>
      <input
        id={id}
        {...common}
        aria-label={`${label}: ${number === 2 ? texts.tables.from : texts.tables.value}`}
        placeholder={placeholder}
        value={values[0]}
        onInput={(event) => changed([event.currentTarget.value, values[1]])}
      />
      {number === 2 && (
        <>
          <span class="muted">{texts.tables.and}</span>
          <input {...common} aria-label={`${label}: ${texts.tables.to}`} value={values[1]} onInput={(event) => changed([values[0], event.currentTarget.value])} />
        </>
      )}
    </>
  );
}

interface FilterProps {
  index: number;
  filter: Filter;
  seen: ReadonlyMap<string, Tag>;
  fault: string | undefined;
  changed: (filter: Filter | undefined) => void;
}

/** Operators whose value has the attribute's type. Others have a fixed one. */
const TYPED: readonly Operator[] = ["=", "<>", "<", "<=", ">", ">=", "between", "begins_with", "contains", "not_contains", "in"];

/** The types of values that an operator takes. */
function typesOf(operator: Operator): readonly Tag[] {
  return operator === "begins_with" ? ["S", "B"] : ["S", "N", "B", "BOOL", "NULL"];
}

function withOperator(filter: Filter, operator: Operator): Filter {
  return { ...filter, operator, type: !TYPED.includes(operator) || typesOf(operator).includes(filter.type) ? filter.type : "S" };
}

function FilterRow({ index, filter, seen, fault, changed }: FilterProps) {
  const label = `${texts.tables.filters} ${index + 1}`;
  const id = `filter-${index}`;
  const attribute = useRef<HTMLInputElement>(null);
  // Before the next key is pressed.
  useLayoutEffect(() => {
    if (filter.attribute === "") attribute.current?.focus();
  }, []);
  return (
    <div class="filter" role="group" aria-label={label}>
      <input
        class="input small mono"
        aria-label={`${label}: ${texts.tables.attribute}`}
        placeholder={texts.tables.attribute}
        list="attributes"
        spellcheck={false}
        {...describedBy(id, fault)}
        ref={attribute}
        value={filter.attribute}
        onInput={(event) => {
          const attribute = event.currentTarget.value;
          changed({ ...filter, attribute, type: comparedType(seen.get(attribute)) ?? guessFor(filter.operator, filter.values[0]) });
        }}
      />
      <select class="input small" aria-label={`${label}: ${texts.tables.operator}`} value={filter.operator} onChange={(event) => changed(withOperator(filter, event.currentTarget.value as Operator))}>
        {FILTER_OPERATORS.map((operator) => (
          <option key={operator} value={operator}>
            {texts.tables.operators[operator]}
          </option>
        ))}
      </select>
      {TYPED.includes(filter.operator) && (
        <select class="input small" aria-label={`${label}: ${texts.tables.type}`} value={filter.type} onChange={(event) => changed({ ...filter, type: event.currentTarget.value as Tag })}>
          {typesOf(filter.operator).map((tag) => (
            <option key={tag} value={tag}>
              {texts.tables.valueTypes[tag]}
            </option>
          ))}
        </select>
      )}
      {filter.operator === "type" ? (
        <select class="input small" aria-label={`${label}: ${texts.tables.value}`} {...describedBy(id, fault)} value={filter.values[0]} onChange={(event) => changed({ ...filter, values: [event.currentTarget.value, ""] })}>
          <option value="">{texts.connect.choose}</option>
          {TAGS.map((tag) => (
            <option key={tag} value={tag}>
              {texts.tables.valueTypes[tag]}
            </option>
          ))}
        </select>
      ) : (
        !(filter.type === "NULL" && TYPED.includes(filter.operator)) && (
          <Values
            id={id}
            operator={filter.operator}
            values={filter.values}
            placeholder={filter.operator === "in" ? texts.tables.values : texts.tables.value}
            label={label}
            fault={fault}
            changed={(values) => {
              // As long as nothing else says what type it is, the text does.
              const isUnknown = comparedType(seen.get(filter.attribute)) === undefined && TYPED.includes(filter.operator);
              const isGuessed = isUnknown && filter.type === guessFor(filter.operator, filter.values[0]);
              changed({ ...filter, values, type: isGuessed ? guessFor(filter.operator, values[0]) : filter.type });
            }}
          />
        )
      )}
      <button type="button" class="button quiet small icon" aria-label={`${texts.tables.removeFilter} ${index + 1}`} onClick={() => changed(undefined)}>
        <CloseIcon />
      </button>
      <Fault id={id} fault={fault} />
    </div>
  );
}

function RequestJson({ datasource, built }: { datasource: string; built: Built }) {
  const text = stringify(built.input, 2);
  return (
    <div class="request-json" id="request-json">
      <pre tabIndex={0}>{text}</pre>
      <div class="actions">
        <CopyButton text={text} />
        <a class="button small" href={href(["d", datasource, "query"], { action: built.action, text })}>
          {texts.tables.openInEditor}
        </a>
      </div>
    </div>
  );
}

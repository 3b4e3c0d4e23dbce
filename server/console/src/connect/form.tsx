// The form of one template: test, then save.

import { useMemo, useRef, useState } from "preact/hooks";
import { type DatasourceForm, saveDatasource, testForm } from "../api/calls";
import { type Problem, problemOf } from "../api/problem";
import { session } from "../api/session";
import type { Datasource, Template } from "../api/types";
import { datasources, reloadDatasources } from "../app/datasources";
import { ProblemBox } from "../app/problem";
import { href, navigate } from "../app/route";
import { texts } from "../texts";
import { locate, type Located } from "./faults";
import { Fault, FieldInput } from "./field";
import { type Entered, type Field, fieldsOf, read } from "./fields";
import { MinimalIam } from "./iam";
import { isName } from "./name";
import { PolicyInWords } from "./policy";
import { rulesOfTemplate } from "./rules";

interface Props {
  template: Template;
  existing: Datasource | undefined;
  etag: string | undefined;
  saved: (etag: string | undefined) => void;
  reload: () => void;
}

/** The form. */
export function ConnectForm({ template, existing, etag, reload }: Props) {
  const settings = useMemo(() => fieldsOf(template.settings), [template]);
  const credentials = useMemo(() => fieldsOf(template.credentials.accepts?.[0]?.schema ?? {}), [template]);
  const [name, setName] = useState(existing?.name ?? "");
  const [entered, setEntered] = useState<Entered>(() => initial(settings, existing));
  const [secrets, setSecrets] = useState<Entered>({});
  const [removes, setRemoves] = useState(false);
  const [faults, setFaults] = useState<Located>({});
  const [problem, setProblem] = useState<Problem>();
  /** Whether the last test has failed. */
  const [failed, setFailed] = useState(false);
  const [running, setRunning] = useState<"test" | "save">();
  const [passed, setPassed] = useState<{ form: string; message: string }>();
  const form = useRef<HTMLFormElement>(null);
  const [tenant, setTenant] = useState(session.value.tenant ?? "");
  // Other views need a tenant that the server accepts.
  const tenantBefore = useRef(session.value.tenant);

  const keeps = existing?.credentials != null && !removes;
  const content = read(settings, entered);
  const body = formOf(template, content.values, credentials, secrets, removes);
  const current = JSON.stringify(body);
  const isTested = passed?.form === current;
  const canStore = datasources.value.list?.store !== undefined;
  const failedTest = failed && !isTested;
  const hasName = existing === undefined && canStore;

  /** Shows faults at their fields, and moves the focus to the first of them. */
  const show = (located: Located) => {
    setFaults(located);
    if (Object.keys(located).length === 0) return;
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus());
  };

  /** What is wrong without asking the server. A test needs no name. */
  const ownFaults = (needsName: boolean): Located => {
    const located: Located = {};
    if (name === "" && needsName) located["name"] = texts.connect.required;
    if (name !== "" && !isName(name)) located["name"] = texts.connect.nameFault;
    for (const [field, fault] of Object.entries(content.faults)) located[`settings.${field}`] = fault;
    const anySecret = Object.values(secrets).some((text) => text !== "");
    if (!keeps || anySecret) {
      for (const [field, fault] of Object.entries(read(credentials, secrets).faults)) located[`credentials.${field}`] = fault;
    }
    return located;
  };

  const sendTenant = () => {
    if (template.tenant) actFor(tenant.trim() || undefined);
  };

  const fail = (error: unknown) => {
    const refusal = problemOf(error);
    // A new datasource is saved on the condition that there is none of its name.
    if (existing === undefined && refusal.case === "precondition") {
      show({ name: texts.connect.nameTaken });
      return;
    }
    const { located, rest } = locate(refusal, settings, credentials);
    if (located["tenant"] !== undefined) actFor(tenantBefore.current);
    show(located);
    // These say all of it, if the form has their fields.
    const isSaid = (hasName && located["name"] !== undefined) || (template.tenant && located["tenant"] !== undefined);
    if (!rest && isSaid) return;
    setProblem(rest || Object.keys(located).length === 0 ? refusal : { ...refusal, faults: [] });
  };

  const test = async (): Promise<void> => {
    if (running !== undefined) return;
    const own = ownFaults(false);
    setProblem(undefined);
    setPassed(undefined);
    setFailed(false);
    show(own);
    if (Object.keys(own).length > 0) return;
    sendTenant();
    setRunning("test");
    try {
      const { message } = await testForm(body, existing?.name);
      setPassed({ form: current, message });
    } catch (error) {
      setFailed(true);
      fail(error);
    } finally {
      setRunning(undefined);
    }
  };

  const save = async (): Promise<void> => {
    if (running !== undefined) return;
    const own = ownFaults(true);
    show(own);
    if (Object.keys(own).length > 0) return;
    setProblem(undefined);
    sendTenant();
    setRunning("save");
    try {
      await saveDatasource(name, body, existing === undefined ? undefined : etag);
      await reloadDatasources();
      navigate(href(["d", name, "tables"]));
    } catch (error) {
      fail(error);
      setRunning(undefined);
    }
  };

  const submit = (event: Event) => {
    event.preventDefault();
    void (isTested && canStore ? save() : test());
  };

  const field = (group: "settings" | "credentials", one: Field) => (
    <FieldInput
      key={one.name}
      id={`${group}.${one.name}`}
      field={one}
      value={(group === "settings" ? entered : secrets)[one.name] ?? ""}
      fault={faults[`${group}.${one.name}`]}
      keeps={group === "credentials" && keeps}
      changed={(value) => {
        (group === "settings" ? setEntered : setSecrets)((old) => ({ ...old, [one.name]: value }));
        setFaults(({ [`${group}.${one.name}`]: _, ...others }) => others);
      }}
    />
  );
  const [main, more] = divided(settings, faults);
  return (
    <div class="connect-columns">
      <form ref={form} class="panel connect-form" onSubmit={submit} noValidate autocomplete="off">
        {hasName && (
          <div class="field">
            <label for="name">{texts.connect.name}</label>
            <input
              id="name"
              class="input"
              autocomplete="off"
              spellcheck={false}
              value={name}
              aria-invalid={faults["name"] !== undefined}
              aria-describedby={faults["name"] === undefined ? "name-help" : "name-help name-fault"}
              onBlur={(event) => {
                // A click on Test or Save checks it anyway, and must not miss because the button has moved.
                if (event.relatedTarget instanceof HTMLButtonElement || name === "" || isName(name)) return;
                setFaults((old) => ({ ...old, name: texts.connect.nameFault }));
              }}
              onInput={(event) => {
                setName(event.currentTarget.value);
                setFaults(({ name: _, ...others }) => others);
              }}
            />
            <Fault id="name" fault={faults["name"]} />
            <p class="help" id="name-help">
              {texts.connect.nameHelp}
            </p>
          </div>
        )}
        {template.tenant && (
          <TenantField
            value={tenant}
            fault={faults["tenant"]}
            entered={(text) => {
              setTenant(text);
              setFaults(({ tenant: _, ...others }) => others);
            }}
          />
        )}
        {main.map((one) => field("settings", one))}
        {more.length > 0 && (
          <details>
            <summary>{texts.connect.more(more.length)}</summary>
            <div class="stack">{more.map((one) => field("settings", one))}</div>
          </details>
        )}
        <fieldset class="stack credentials">
          <legend>
            <h2>{texts.connect.credentials}</h2>
          </legend>
          <CredentialsHelp template={template} existing={existing} removes={removes} setRemoves={setRemoves} />
          {!removes && credentials.map((one) => field("credentials", one))}
        </fieldset>
        <div class="stack" aria-live="polite">
          {problem && (
            <ProblemBox problem={problem}>
              {problem.case === "precondition" && (
                <button type="button" class="button small" onClick={reload}>
                  {texts.connect.reread}
                </button>
              )}
            </ProblemBox>
          )}
          {isTested && !problem && (
            <p class="notice ok">
              <strong>{texts.connect.passed}</strong> {passed.message}
            </p>
          )}
          {passed && !isTested && <p class="notice">{texts.connect.changedSinceTest}</p>}
        </div>
        <div class="actions connect-end">
          <button type="button" class={`button ${isTested ? "" : "primary"}`} onClick={() => void test()} aria-disabled={running !== undefined}>
            {running === "test" ? texts.connect.testing : texts.connect.test}
          </button>
          {canStore && (
            <button
              type="button"
              class={`button ${isTested ? "primary" : ""}`}
              onClick={() => {
                if (isTested) void save();
              }}
              aria-disabled={running !== undefined || !isTested}
              title={isTested ? "" : texts.connect.testFirst}
            >
              {running === "save" ? texts.connect.saving : texts.connect.save}
            </button>
          )}
          {canStore && failedTest && Object.keys(content.faults).length === 0 && (
            <button type="button" class="button quiet" onClick={() => void save()} aria-disabled={running !== undefined}>
              {texts.connect.saveUntested}
            </button>
          )}
          {canStore && !isTested && !failedTest && <span class="muted">{texts.connect.testFirst}</span>}
        </div>
        {!canStore && (
          <div class="notice">
            <p>{texts.connect.noStore}</p>
            <p class="muted">{texts.connect.noStoreHelp}</p>
          </div>
        )}
      </form>
      <aside class="connect-side">
        <section class="panel side" aria-labelledby="policy-title">
          <h2 id="policy-title">{texts.connect.policy}</h2>
          <PolicyInWords rules={rulesOfTemplate(template, entered, session.value.tenant)} />
        </section>
        {template.credentials.from !== "nowhere" && <MinimalIam template={template.name} settings={content.values} tenant={session.value.tenant} />}
      </aside>
    </div>
  );
}

/** What the fields begin with: the saved settings, and the only choice where there is just one. */
function initial(fields: Field[], existing: Datasource | undefined): Entered {
  const entered: Entered = {};
  for (const field of fields) {
    const saved = existing?.settings?.[field.name];
    const only = field.required && field.choices.length === 1 && field.free.length === 0 ? field.choices[0]?.value : undefined;
    entered[field.name] = saved !== undefined ? String(saved) : (only ?? "");
  }
  return entered;
}

/** The fields that are always shown, and those that few people need. A field with a fault is always shown. */
function divided(fields: Field[], faults: Located): [Field[], Field[]] {
  const isMain = (field: Field) => field.required || field.name === "endpoint" || faults[`settings.${field.name}`] !== undefined;
  return [fields.filter(isMain), fields.filter((field) => !isMain(field))];
}

function formOf(template: Template, settings: DatasourceForm["settings"], fields: Field[], secrets: Entered, removes: boolean): DatasourceForm {
  const form: DatasourceForm = { template: template.name, settings };
  if (removes) return { ...form, credentials: null };
  const entered = fields.flatMap((field): [string, string][] => {
    const text = (secrets[field.name] ?? "").trim();
    return text === "" ? [] : [[field.name, text]];
  });
  return entered.length === 0 ? form : { ...form, credentials: Object.fromEntries(entered) };
}

/** The tenant is a part of the session: every call needs it, not only this form. */
function actFor(tenant: string | undefined): void {
  if (tenant !== session.value.tenant) session.value = { ...session.value, tenant };
}

function TenantField({ value, fault, entered }: { value: string; fault: string | undefined; entered: (text: string) => void }) {
  return (
    <div class="field">
      <label for="tenant">
        {texts.connect.tenant} <span class="optional">{texts.app.optional}</span>
      </label>
      <input
        id="tenant"
        class="input"
        autocomplete="off"
        spellcheck={false}
        value={value}
        aria-invalid={fault !== undefined}
        aria-describedby={fault === undefined ? "tenant-help" : "tenant-help tenant-fault"}
        onInput={(event) => entered(event.currentTarget.value)}
        onChange={(event) => actFor(event.currentTarget.value.trim() || undefined)}
      />
      <Fault id="tenant" fault={fault} />
      <p class="help" id="tenant-help">
        {texts.connect.tenantHelp}
      </p>
    </div>
  );
}

function CredentialsHelp({ template, existing, removes, setRemoves }: { template: Template; existing: Datasource | undefined; removes: boolean; setRemoves: (removes: boolean) => void }) {
  if (template.credentials.from === "operator") return <p class="muted">{texts.connect.credentialsOfOperator}</p>;
  if (template.credentials.from === "nowhere") return <p class="muted">{texts.connect.noCredentials}</p>;
  const since = existing?.credentials?.since;
  if (since === undefined) return <p class="muted">{texts.connect.credentialsHelp}</p>;
  return (
    <>
      <p class="muted">{texts.connect.saved(new Date(since).toLocaleString())}</p>
      <label class="check">
        <input type="checkbox" checked={removes} onChange={(event) => setRemoves(event.currentTarget.checked)} />
        {texts.connect.removeSaved}
      </label>
    </>
  );
}

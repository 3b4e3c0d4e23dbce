// The frame around every view: who, which datasource, which view.

import type { ComponentChild } from "preact";
import { useEffect } from "preact/hooks";
import { session, signInNeeded } from "../api/session";
import { texts } from "../texts";
import { Boundary } from "./boundary";
import { datasources, forgetDatasources, isUsable, mayConnect, reloadDatasources, visitor } from "./datasources";
import { useFocusBack, useKeptFocus } from "./focus";
import { Home } from "./home";
import { GateIcon, ThemeIcon } from "./icons";
import { lazy } from "./lazy";
import { ProblemBox } from "./problem";
import { href, navigate, route } from "./route";
import { RulesButton } from "./rules";
import { SignIn, SignInAgain } from "./sign-in";
import { applyTheme, nextTheme, theme } from "./theme";

const QueryView = lazy(async () => (await import("../query/view")).QueryView);
const TablesView = lazy(async () => (await import("../tables/view")).TablesView);
const ConnectView = lazy(async () => (await import("../connect/view")).ConnectView);
const StateView = lazy(async () => (await import("../state/view")).StateView);

/** The whole page. */
export function Shell() {
  useEffect(() => {
    void reloadDatasources();
  }, []);
  useEffect(() => applyTheme(theme.value), [theme.value]);
  const [area, datasource, view] = route.value.path;
  const shown = area === "d" ? datasource : undefined;
  useEffect(() => {
    const views: Record<string, string> = { tables: texts.app.tables, query: texts.app.query };
    const title = area === "d" ? views[view ?? "tables"] : area === "connect" ? texts.connect.title : area === "state" ? texts.app.state : undefined;
    document.title = [title, shown, texts.app.name].filter(Boolean).join(" · ");
  }, [area, shown, view]);
  // What had the focus may be a part of the view that is left, or of the form for the token.
  useKeptFocus([area, datasource, view, signInNeeded.value, datasources.value.list !== undefined]);
  // A view that is there keeps what was typed into it.
  const isInert = signInNeeded.value && datasources.value.list !== undefined;
  useFocusBack(isInert);
  if (signInNeeded.value && !isInert) return <SignIn />;
  return (
    <>
      <div class="shell" key={visitor.value} inert={isInert}>
        <a class="button skip" href="#main" onClick={skip}>
          {texts.app.skip}
        </a>
        <Header area={area} datasource={shown} view={view} />
        <div class="shell-main" id="main" tabIndex={-1}>
          <Boundary key={`${area} ${shown} ${view}`}>
            <View area={area} datasource={shown} view={view} />
          </Boundary>
        </div>
      </div>
      {isInert && <SignInAgain />}
    </>
  );
}

/** The hash is the route, so a link to an element is followed here. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

interface Place {
  area: string | undefined;
  datasource: string | undefined;
  view: string | undefined;
}

function Header({ area, datasource, view }: Place) {
  const { list } = datasources.value;
  // A saved datasource may have the name of one of the policy.
  const names = [...new Set(list?.datasources.filter((source) => isUsable(source, list)).map((source) => source.name))];
  const options = datasource === undefined || names.includes(datasource) ? names : [datasource, ...names];
  const current = view === "query" ? "query" : "tables";
  // Both views are about the same table.
  const table = area !== "d" ? undefined : current === "query" ? (route.value.params.get("table") ?? undefined) : route.value.path[3];
  return (
    <header class="shell-header">
      <a class="brand" href={href([])}>
        <GateIcon />
        <span class="brand-name">{texts.app.name}</span>
        <span class="visually-hidden">{texts.app.brandNote}</span>
      </a>
      <span class="separator" />
      <select
        class="input picker"
        aria-label={texts.app.datasource}
        value={datasource ?? ""}
        onChange={(event) => navigate(event.currentTarget.value === "" ? href([]) : href(["d", event.currentTarget.value, current]))}
      >
        <option value="">{texts.app.chooseDatasource}</option>
        {options.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      {datasource !== undefined && (
        <nav class="shell-nav" aria-label={texts.app.viewsOf(datasource)}>
          <NavLink to={href(["d", datasource, "tables", ...(table === undefined ? [] : [table])])} current={current === "tables"} label={texts.app.tables} />
          <NavLink to={href(["d", datasource, "query"], { table })} current={current === "query"} label={texts.app.query} />
          <RulesButton key={datasource} datasource={datasource} kind="button small" />
        </nav>
      )}
      <div class="shell-end">
        <nav class="shell-nav" aria-label={texts.app.server}>
          {mayConnect(list) && <NavLink to={href(["connect"])} current={area === "connect"} label={texts.app.connect} />}
          {list?.operator && <NavLink to={href(["state"])} current={area === "state"} label={texts.app.state} />}
        </nav>
        <button type="button" class="button quiet icon" onClick={nextTheme} aria-label={texts.app.theme(theme.value)} title={texts.app.theme(theme.value)}>
          <ThemeIcon />
        </button>
        {session.value.token !== undefined && (
          <button type="button" class="button quiet" onClick={signOut}>
            {texts.app.signOut}
          </button>
        )}
      </div>
    </header>
  );
}

function NavLink({ to, current, label }: { to: string; current: boolean; label: string }) {
  return (
    <a href={to} {...(current ? { "aria-current": "page" as const } : {})}>
      {label}
    </a>
  );
}

function signOut(): void {
  session.value = { token: undefined, tenant: undefined };
  forgetDatasources();
  // The old view may show what the next user must not see.
  navigate(href([]), true);
  signInNeeded.value = true;
}

function View({ area, datasource, view }: Place): ComponentChild {
  const { list, problem } = datasources.value;
  if (!list) {
    if (!problem) return <div class="loading" aria-busy="true" />;
    return (
      <main class="page">
        <ProblemBox problem={problem}>
          <button type="button" class="button" onClick={() => void reloadDatasources()}>
            {texts.app.retry}
          </button>
        </ProblemBox>
      </main>
    );
  }
  if (area === undefined) return <Home list={list} />;
  if (area === "connect") return <ConnectView key={route.value.params.get("edit") ?? ""} />;
  if (area === "state") return <StateView />;
  if (area === "d" && datasource !== undefined) {
    // The key: nothing of one datasource may stay in the view of another.
    if (view === "query") return <QueryView key={datasource} datasource={datasource} />;
    if (view === "tables" || view === undefined) return <TablesView key={datasource} datasource={datasource} />;
  }
  return (
    <main class="empty">
      <h2>{texts.app.noSuchPage}</h2>
      <p>{texts.app.noSuchPageHelp}</p>
      <a class="button" href={href([])}>
        {texts.app.toHome}
      </a>
    </main>
  );
}

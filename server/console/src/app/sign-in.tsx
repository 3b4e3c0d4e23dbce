// Asks for the token.

import { useState } from "preact/hooks";
import { session } from "../api/session";
import { texts } from "../texts";
import { datasources, reloadDatasources } from "./datasources";
import { GateIcon } from "./icons";

/** The form for the token. The fields have no names, so that browsers offer to save nothing. */
export function SignIn() {
  const [token, setToken] = useState("");
  const [tenant, setTenant] = useState(session.value.tenant ?? "");
  const { problem, loading } = datasources.value;
  const wasTried = session.value.token !== undefined;
  const submit = (event: Event) => {
    event.preventDefault();
    session.value = { token: token.trim(), tenant: tenant.trim() || undefined };
    void reloadDatasources();
  };
  return (
    <main class="sign-in">
      <form class="panel" onSubmit={submit} aria-labelledby="sign-in-title" autocomplete="off">
        <span class="brand">
          <GateIcon />
          {texts.app.name}
        </span>
        <div>
          <h1 id="sign-in-title">{texts.signIn.title}</h1>
          <p class="lead">{texts.signIn.lead}</p>
        </div>
        {wasTried && problem && !loading && (
          <p class="problem" role="alert">
            {problem.status === 401 ? texts.signIn.refused : problem.detail}
          </p>
        )}
        <div class="field">
          <label for="token">{texts.signIn.token}</label>
          <input
            id="token"
            class="input mono"
            type="password"
            autocomplete="off"
            spellcheck={false}
            required
            autofocus
            placeholder="pcl_…"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
          <p class="help">{texts.signIn.tokenHelp}</p>
        </div>
        <div class="field">
          <label for="tenant">
            {texts.signIn.tenant} <span class="optional">{texts.app.optional}</span>
          </label>
          <input
            id="tenant"
            class="input"
            autocomplete="off"
            spellcheck={false}
            pattern="[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}"
            value={tenant}
            onInput={(event) => setTenant(event.currentTarget.value)}
          />
          <p class="help">{texts.signIn.tenantHelp}</p>
        </div>
        <button class="button primary" type="submit" disabled={loading || token.trim() === ""}>
          {texts.signIn.submit}
        </button>
      </form>
    </main>
  );
}

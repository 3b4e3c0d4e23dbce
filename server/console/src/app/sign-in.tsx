// Asks for the token.

import { useEffect, useRef, useState } from "preact/hooks";
import { session } from "../api/session";
import { texts } from "../texts";
import { datasources, reloadDatasources } from "./datasources";
import { GateIcon } from "./icons";
import { Prose } from "./prose";
import { tenantFault } from "./tenant";

/** The form for the token. The fields have no names, so that browsers offer to save nothing. */
export function SignIn() {
  const [token, setToken] = useState("");
  const [tenant, setTenant] = useState(session.value.tenant ?? "");
  const { problem, loading } = datasources.value;
  const wasTried = session.value.token !== undefined;
  const refusal = wasTried && !loading ? problem : undefined;
  const ofTenant = refusal && tenantFault(refusal);
  const isReady = !loading && token.trim() !== "";
  const tokenInput = useRef<HTMLInputElement>(null);
  const tenantInput = useRef<HTMLInputElement>(null);
  // After signing out, too: then the button that had the focus is gone.
  useEffect(() => tokenInput.current?.focus(), []);
  useEffect(() => {
    if (ofTenant !== undefined) tenantInput.current?.focus();
  }, [ofTenant]);
  const submit = (event: Event) => {
    event.preventDefault();
    if (!isReady) return;
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
        {refusal && ofTenant === undefined && (
          <p class="problem" role="alert">
            <span>{refusal.status === 401 ? texts.signIn.refused : <Prose text={refusal.detail} />}</span>
          </p>
        )}
        <div class="field">
          <label for="token">{texts.signIn.token}</label>
          <input
            ref={tokenInput}
            id="token"
            aria-describedby="token-help"
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
          <p class="help" id="token-help">
            {texts.signIn.tokenHelp}
          </p>
        </div>
        <div class="field">
          <label for="tenant">
            {texts.signIn.tenant} <span class="optional">{texts.app.optional}</span>
          </label>
          <input
            ref={tenantInput}
            id="tenant"
            aria-invalid={ofTenant !== undefined}
            aria-describedby={ofTenant === undefined ? "tenant-help" : "tenant-help tenant-fault"}
            class="input"
            autocomplete="off"
            spellcheck={false}
            pattern="[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}"
            value={tenant}
            onInput={(event) => setTenant(event.currentTarget.value)}
          />
          {ofTenant !== undefined && (
            <p class="fault" id="tenant-fault" role="alert">
              {ofTenant}
            </p>
          )}
          <p class="help" id="tenant-help">
            {texts.signIn.tenantHelp}
          </p>
        </div>
        <button class="button primary" type="submit" aria-disabled={!isReady}>
          {texts.signIn.submit}
        </button>
      </form>
    </main>
  );
}

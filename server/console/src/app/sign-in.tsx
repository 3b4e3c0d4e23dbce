// Asks for the token.

import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { session } from "../api/session";
import { texts } from "../texts";
import { datasources, signIn } from "./datasources";
import { Dialog } from "./dialog";
import { GateIcon } from "./icons";
import { Prose } from "./prose";
import { tenantFault } from "./tenant";

/** A page with the form. */
export function SignIn() {
  return (
    <main class="sign-in">
      <SignInForm lead={texts.signIn.lead} isAgain={false} />
    </main>
  );
}

/**
 * The form above a view that keeps what people have typed. A modal dialog, because the view may have one itself, and
 * nothing but another one is shown above it.
 */
export function SignInAgain() {
  // Decided once: what is entered is a token in any case.
  const [lead] = useState(session.value.token === undefined ? texts.signIn.lead : texts.signIn.expired);
  useLayoutEffect(() => {
    // Escape would close the dialog, and what is open in the view.
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.isComposing) return;
      event.preventDefault();
      event.stopPropagation();
    };
    // Browsers close a dialog all the same when people go back twice. Without it, nothing on the page could be used.
    const onClose = ({ target }: Event) => {
      if (target instanceof HTMLDialogElement && target.matches(".sign-in-again")) target.showModal();
    };
    addEventListener("keydown", onKeyDown, { capture: true });
    addEventListener("close", onClose, { capture: true });
    return () => {
      removeEventListener("keydown", onKeyDown, { capture: true });
      removeEventListener("close", onClose, { capture: true });
    };
  }, []);
  return (
    <Dialog label={texts.signIn.title} kind="sign-in-again" closed={() => {}}>
      <SignInForm lead={lead} isAgain />
    </Dialog>
  );
}

/** The form for the token. The fields have no names, so that browsers offer to save nothing. */
function SignInForm({ lead, isAgain }: { lead: string; isAgain: boolean }) {
  const [token, setToken] = useState("");
  const [tenant, setTenant] = useState(session.value.tenant ?? "");
  const { problem, loading } = datasources.value;
  // The token of before was not entered into this form.
  const [wasTried, setTried] = useState(!isAgain && session.value.token !== undefined);
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
    setTried(true);
    void signIn({ token: token.trim(), tenant: tenant.trim() || undefined });
  };
  return (
    <form class="panel" onSubmit={submit} aria-labelledby="sign-in-title" autocomplete="off">
      <span class="brand">
        <GateIcon />
        {texts.app.name}
      </span>
      <div>
        <h1 id="sign-in-title">{texts.signIn.title}</h1>
        <p class="lead">{lead}</p>
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
        <label for="sign-in-tenant">
          {texts.signIn.tenant} <span class="optional">{texts.app.optional}</span>
        </label>
        <input
          ref={tenantInput}
          id="sign-in-tenant"
          aria-invalid={ofTenant !== undefined}
          aria-describedby={ofTenant === undefined ? "sign-in-tenant-help" : "sign-in-tenant-help sign-in-tenant-fault"}
          class="input"
          autocomplete="off"
          spellcheck={false}
          pattern="[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}"
          value={tenant}
          onInput={(event) => setTenant(event.currentTarget.value)}
        />
        {ofTenant !== undefined && (
          <p class="fault" id="sign-in-tenant-fault" role="alert">
            {ofTenant}
          </p>
        )}
        <p class="help" id="sign-in-tenant-help">
          {texts.signIn.tenantHelp}
        </p>
      </div>
      <button class="button primary" type="submit" aria-disabled={!isReady}>
        {texts.signIn.submit}
      </button>
    </form>
  );
}

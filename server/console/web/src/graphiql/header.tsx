// The line above GraphiQL: the tenant, the signed-in account and signing out.
import "./header.css";
import { useState } from "react";
import icon from "../icon.svg";
import { closeSession, goToSignIn, type Session } from "../session.ts";
import { common, roles, session as sessionText } from "../strings.ts";
import { clearDrafts } from "./storage.ts";
import { graphiql as text } from "./strings.ts";

function Person({ session }: { session: Session }) {
  const { admin } = session;
  return (
    <span className="person" title={admin.email}>
      <span className="visually-hidden">{text.signedInAs} </span>
      <span className="name">{admin.name}</span>
      <span className="email">{admin.email}</span>
      <span className="role">{roles[admin.role]}</span>
    </span>
  );
}

export function Header({ session }: { session: Session | undefined }) {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");

  async function signOut(): Promise<void> {
    setBusy(true);
    setProblem("");
    try {
      await closeSession();
    } catch {
      setBusy(false);
      setProblem(sessionText.signOutFailed);
      return;
    }
    clearDrafts();
    goToSignIn();
  }

  return (
    <header className="page-header">
      <img src={icon} alt="" width="20" height="20" />
      <h1>
        {common.product} <span className="page-name">{text.name}</span>
      </h1>
      {session && <span className="tenant">{session.tenant.name}</span>}
      <span className="problem" role="alert">
        {problem}
      </span>
      {session ? <Person session={session} /> : <span className="person">{text.sessionUnknown}</span>}
      <button type="button" onClick={() => void signOut()} disabled={busy}>
        {busy ? text.signingOut : text.signOut}
      </button>
    </header>
  );
}

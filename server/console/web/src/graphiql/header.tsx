// The line above GraphiQL, as that of the console: the way back to it, the tenant, the signed-in account and signing out.
import "./header.css";
import { useState } from "react";
import { href } from "../base.ts";
import { forgetPlace, placeBefore } from "../before-graphiql.ts";
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
      <bdi className="name">{admin.name}</bdi>
      <bdi className="email">{admin.email}</bdi>
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
    forgetPlace();
    goToSignIn();
  }

  return (
    <header className="page-header">
      <a href={href("/")} className="brand">
        <img src={icon} alt="" width="24" height="24" />
        {common.product}
      </a>
      {session && <bdi className="tenant">{session.tenant.name}</bdi>}
      <span className="problem" role="alert">
        {problem}
      </span>
      <a href={placeBefore()} className="back">
        {text.back}
      </a>
      <h1>{text.name}</h1>
      {session ? <Person session={session} /> : <span className="person">{text.sessionUnknown}</span>}
      <button type="button" onClick={() => void signOut()} disabled={busy}>
        {busy ? text.signingOut : text.signOut}
      </button>
    </header>
  );
}

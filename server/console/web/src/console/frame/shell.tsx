// The frame of every page: tenant, navigation, signed-in admin, sign-out.
import { type ReactNode, useState, useSyncExternalStore } from "react";
import { Link, useRoute } from "wouter";
import icon from "../../icon.svg";
import { closeSession, goToSignIn } from "../../session.ts";
import { common, roles, session } from "../../strings.ts";
import { useViewer } from "../api/viewer.ts";
import { ChangePassword } from "../pages/change-password.tsx";
import { Icon } from "../parts/icon.tsx";
import { leaveBy } from "../parts/leave-guard.tsx";
import { Menu } from "../parts/menu.tsx";
import { useSay } from "../parts/status.tsx";
import { paths } from "../paths.ts";
import { titles } from "../strings.ts";
import { shell as text } from "./strings.ts";


export function Shell({ children }: { children: ReactNode }) {
  const { tenant } = useViewer();
  return (
    <>
      <a className="skip-link" href="#main">
        {text.skip}
      </a>
      <header className="top">
        <Link href={paths.tokens} className="brand">
          <img src={icon} alt="" width="24" height="24" />
          {common.product}
        </Link>
        <span className="tenant">{tenant.name}</span>
        <Navigation />
        <Account />
      </header>
      <OfflineNote />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
    </>
  );
}

function Navigation() {
  const [atTokens] = useRoute(paths.tokens);
  const [belowTokens] = useRoute("/tokens/*");
  const [atActivity] = useRoute(paths.activity);
  const [atAdmins] = useRoute(paths.admins);
  const pages: [string, string, boolean][] = [
    [titles.tokens, paths.tokens, atTokens || belowTokens],
    [titles.activity, paths.activity, atActivity],
    [titles.admins, paths.admins, atAdmins],
  ];
  return (
    <nav className="pages" aria-label={text.pages}>
      {pages.map(([title, href, isCurrent]) => (
        <Link key={href} href={href} aria-current={isCurrent ? "page" : undefined}>
          {title}
        </Link>
      ))}
    </nav>
  );
}

function Account() {
  const { admin } = useViewer();
  const [changing, setChanging] = useState(false);
  const say = useSay();

  async function signOut(): Promise<boolean> {
    try {
      await closeSession();
      goToSignIn();
      return true;
    } catch {
      say(session.signOutFailed);
      return false;
    }
  }

  return (
    <div className="account">
      <Menu
        className="button account-button"
        choices={[
          { label: titles.graphiql, onChoose: () => location.assign(paths.graphiql) },
          { label: text.changePassword, onChoose: () => setChanging(true) },
          { label: text.signOut, onChoose: () => leaveBy(signOut) },
        ]}
      >
        <span className="visually-hidden">{text.account} </span>
        <span className="account-name">{admin.name}</span>{" "}
        <span className="account-role">{roles[admin.role]}</span>
        <Icon name="chevron" />
      </Menu>
      {changing && <ChangePassword onClose={() => setChanging(false)} />}
    </div>
  );
}

function subscribe(onChange: () => void): () => void {
  window.addEventListener("online", onChange);
  window.addEventListener("offline", onChange);
  return () => {
    window.removeEventListener("online", onChange);
    window.removeEventListener("offline", onChange);
  };
}

function OfflineNote() {
  const online = useSyncExternalStore(subscribe, () => navigator.onLine);
  return (
    <div role="status">{!online && <p className="offline">{session.isOffline}</p>}</div>
  );
}

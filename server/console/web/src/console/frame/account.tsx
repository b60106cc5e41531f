// The menu of the signed-in admin: GraphiQL, own sessions, changing the password, signing out.
import "./account.css";
import { useState } from "react";
import { href } from "../../base.ts";
import { rememberPlace } from "../../before-graphiql.ts";
import { closeSession, currentAddress, goToSignIn } from "../../session.ts";
import { roles, session } from "../../strings.ts";
import { useViewer } from "../api/viewer.ts";
import { setExactTimes, useExactTimes } from "../exact-times.ts";
import { ChangePassword } from "../pages/change-password.tsx";
import { Sessions } from "../pages/sessions/sessions.tsx";
import { Icon } from "../parts/icon.tsx";
import { Isolated } from "../parts/isolated.tsx";
import { leaveBy } from "../parts/leave-guard.tsx";
import { Menu } from "../parts/menu.tsx";
import { useSay } from "../parts/status.tsx";
import { paths } from "../paths.ts";
import { titles } from "../strings.ts";
import { showKeys } from "./keys.tsx";
import { shell as text } from "./strings.ts";

export function Account() {
  const { admin, tenant } = useViewer();
  const exact = useExactTimes();
  const [changing, setChanging] = useState(false);
  const [listing, setListing] = useState(false);
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

  function openGraphiql(): boolean {
    rememberPlace(currentAddress());
    location.assign(href(paths.graphiql));
    return true;
  }

  return (
    <div className="account">
      <Menu
        className="button account-button"
        head={
          <dl className="account-details">
            <dt>{session.email}</dt>
            <dd>
              <Isolated>{admin.email}</Isolated>
            </dd>
            <dt>{text.organisation}</dt>
            <dd>
              <Isolated>{tenant.name}</Isolated>
            </dd>
            <dt>{text.shortName}</dt>
            <dd>
              <code>{tenant.slug}</code>
            </dd>
          </dl>
        }
        choices={[
          { label: titles.graphiql, onChoose: () => leaveBy(openGraphiql) },
          {
            label: exact ? text.relativeTimes : text.exactTimes,
            onChoose: () => setExactTimes(!exact),
          },
          { label: text.sessions, onChoose: () => setListing(true) },
          { label: text.keys, onChoose: showKeys },
          { label: text.changePassword, onChoose: () => setChanging(true) },
          { label: text.signOut, onChoose: () => leaveBy(signOut) },
        ]}
      >
        <span className="visually-hidden">{text.account} </span>
        <span className="account-name">
          <Isolated>{admin.name}</Isolated>
        </span>{" "}
        <span className="account-role">{roles[admin.role]}</span>
        <Icon name="chevron" />
      </Menu>
      {listing && <Sessions onClose={() => setListing(false)} />}
      {changing && <ChangePassword onClose={() => setChanging(false)} />}
    </div>
  );
}

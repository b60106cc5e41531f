// The menu of the signed-in admin: GraphiQL, changing the password, signing out.
import "./account.css";
import { useState } from "react";
import { closeSession, goToSignIn } from "../../session.ts";
import { roles, session } from "../../strings.ts";
import { useViewer } from "../api/viewer.ts";
import { ChangePassword } from "../pages/change-password.tsx";
import { Icon } from "../parts/icon.tsx";
import { leaveBy } from "../parts/leave-guard.tsx";
import { Menu } from "../parts/menu.tsx";
import { useSay } from "../parts/status.tsx";
import { paths } from "../paths.ts";
import { titles } from "../strings.ts";
import { shell as text } from "./strings.ts";

export function Account() {
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

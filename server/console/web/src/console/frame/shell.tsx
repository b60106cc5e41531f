// The frame of every page: product, tenant, navigation and the signed-in admin.
import "./shell.css";
import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import icon from "../../icon.svg";
import { common } from "../../strings.ts";
import { useViewer } from "../api/viewer.ts";
import { keepFocus } from "../focus.ts";
import { Isolated } from "../parts/isolated.tsx";
import { paths } from "../paths.ts";
import { Account } from "./account.tsx";
import { CatalogueNotice } from "./catalogue-notice.tsx";
import { Keys } from "./keys.tsx";
import { Navigation } from "./navigation.tsx";
import { OfflineNote } from "./offline-note.tsx";
import { shell as text } from "./strings.ts";
import { ZoneNote } from "./zone-note.tsx";

export function Shell({ children }: { children: ReactNode }) {
  const { tenant } = useViewer();
  useEffect(keepFocus, []);
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
        <span className="tenant">
          <Isolated>{tenant.name}</Isolated>
        </span>
        <Navigation />
        <Account />
      </header>
      <Keys />
      <OfflineNote />
      <CatalogueNotice />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <ZoneNote />
    </>
  );
}

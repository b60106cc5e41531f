// The tabs of a token, each at an address of its own.
import "./tabs.css";
import { Link } from "wouter";
import { paths } from "../../paths.ts";
import { token as text } from "./strings.ts";

export type Tab = "permissions" | "activity" | "usage" | "rightSize" | "check";

export function Tabs({ id, current }: { id: string; current: Tab }) {
  const tabs: [Tab, string][] = [
    ["permissions", paths.token(id)],
    ["activity", paths.tokenActivity(id)],
    ["usage", paths.tokenUsage(id)],
    ["rightSize", paths.rightSize(id)],
    ["check", paths.checkRequest(id)],
  ];
  return (
    <nav className="tabs" aria-label={text.tabs}>
      {tabs.map(([tab, href]) => (
        <Link key={tab} href={href} aria-current={tab === current ? "page" : undefined}>
          {text.tab[tab]}
        </Link>
      ))}
    </nav>
  );
}

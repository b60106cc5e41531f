// The links to the console's pages.
import "./navigation.css";
import { Link, useRoute } from "wouter";
import { paths } from "../paths.ts";
import { titles } from "../strings.ts";
import { shell as text } from "./strings.ts";

export function Navigation() {
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

// The links to the console's pages.
import "./navigation.css";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { Link, useRoute } from "wouter";
import { MAX_OPEN_COUNTED, openAccessRequestsQuery } from "../api/access-requests.ts";
import { formats } from "../formats.ts";
import { paths, patterns } from "../paths.ts";
import { titles } from "../strings.ts";
import { shell as text } from "./strings.ts";

export function Navigation() {
  const [atTokens] = useRoute(paths.tokens);
  const [belowTokens] = useRoute("/tokens/*");
  const [atRequests] = useRoute(paths.requests);
  const [atActivity] = useRoute(paths.activity);
  const [atAdmins] = useRoute(paths.admins);
  const [atPolicy] = useRoute(paths.policy);
  const [atApiChanges] = useRoute(paths.apiChanges);
  const [atWebhooks] = useRoute(paths.webhooks);
  const [belowWebhooks] = useRoute(patterns.webhook);
  const pages: [string, string, boolean][] = [
    [titles.tokens, paths.tokens, atTokens || belowTokens],
    [titles.requests, paths.requests, atRequests],
    [titles.activity, paths.activity, atActivity],
    [titles.admins, paths.admins, atAdmins],
    [titles.policy, paths.policy, atPolicy],
    [titles.apiChanges, paths.apiChanges, atApiChanges],
    [titles.webhooks, paths.webhooks, atWebhooks || belowWebhooks],
  ];
  const current = pages.find(([, , isCurrent]) => isCurrent)?.[1];
  const list = useRef<HTMLElement>(null);
  // On a narrow screen the links scroll sideways.
  useEffect(() => {
    if (current === undefined) return;
    const link = list.current?.querySelector("[aria-current]");
    link?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [current]);
  return (
    <nav ref={list} className="pages" aria-label={text.pages}>
      {pages.map(([title, href, isCurrent]) => (
        <Link key={href} href={href} aria-current={isCurrent ? "page" : undefined}>
          {title}
          {href === paths.requests && <OpenRequests />}
        </Link>
      ))}
    </nav>
  );
}

/** How many requests wait for an admin; nothing where there are none, or while it is not known. */
function OpenRequests() {
  const { data: count = 0 } = useQuery(openAccessRequestsQuery);
  if (count === 0) return null;
  const shown =
    count > MAX_OPEN_COUNTED
      ? text.moreThan(formats.number(MAX_OPEN_COUNTED))
      : formats.number(count);
  return (
    <>
      {" "}
      <span className="page-count">
        {shown}
        <span className="visually-hidden"> {text.open}</span>
      </span>
    </>
  );
}

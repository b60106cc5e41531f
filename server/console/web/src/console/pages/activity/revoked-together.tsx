// The revocations of one admin's tokens, when the admin was removed, as one entry that opens.
import { Link } from "wouter";
import type { ActivityEntryFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { Ago } from "../../parts/when.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import { actor } from "./entry.tsx";
import { activity as text } from "./strings.ts";

type Entries = [ActivityEntryFragment, ...ActivityEntryFragment[]];

/** One removal revokes them within one transaction. */
const SPAN_MS = 60_000;

/** The entries, with those that follow each other by one removal together. */
export function together(entries: readonly ActivityEntryFragment[]): Entries[] {
  const found: Entries[] = [];
  for (const entry of entries) {
    const last = found.at(-1);
    if (last !== undefined && isOfRemoval(entry) && isOfSame(last[0], entry)) last.push(entry);
    else found.push([entry]);
  }
  return found;
}

function isOfRemoval(entry: ActivityEntryFragment): boolean {
  return entry.__typename === "TokenRevoked" && entry.reason === "CREATOR_REMOVED";
}

function isOfSame(one: ActivityEntryFragment, other: ActivityEntryFragment): boolean {
  const apart = Math.abs(Date.parse(one.occurredAt) - Date.parse(other.occurredAt));
  return isOfRemoval(one) && one.actor?.id === other.actor?.id && apart < SPAN_MS;
}

export function RevokedTogether({ entries }: { entries: Entries }) {
  const [first] = entries;
  return (
    <>
      <p className="activity-line">
        <strong>
          <Isolated>{actor(first)}</Isolated>
        </strong>{" "}
        {text.revokedTogether(formats.count(entries.length, shared.tokenCount))}
      </p>
      <p className="activity-when">
        <Ago at={first.occurredAt} />
        {first.clientAddress !== null && ` ${text.address(first.clientAddress)}`}
      </p>
      <details className="change">
        <summary>{formats.count(entries.length, shared.tokenCount)}</summary>
        <ul>
          {entries.map(({ id, token }) => (
            <li key={id}>
              {token && (
                <Link href={paths.token(token.id)}>
                  <bdi>{token.name}</bdi>
                </Link>
              )}
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

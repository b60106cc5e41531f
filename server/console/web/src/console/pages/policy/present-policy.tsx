// The policy as it is.
import "./policy.css";
import type { ShownPolicyFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { shared } from "../../strings.ts";
import { words } from "../condition-texts.ts";
import { policy as text } from "./strings.ts";

export function PresentPolicy({ policy }: { policy: ShownPolicyFragment }) {
  const { maximumLifetimeDays: maximum, effectiveFrom, pausesFrom, setAt, setBy } = policy;
  return (
    <section aria-labelledby="present-policy">
      <h2 id="present-policy">{text.present}</h2>
      {!policy.isApplied && (
        <Note>
          <p>{text.notApplied}</p>
        </Note>
      )}
      <dl className="policy">
        <Value label={text.maximum}>
          {maximum === null ? text.noMaximum : inDays(maximum)}
          {maximum !== null && effectiveFrom !== null && isAhead(effectiveFrom) && (
            <span className="hint">{text.bindsFrom(formats.instant(effectiveFrom))}</span>
          )}
        </Value>
        <Value label={text.defaultLifetime}>{defaultOf(policy)}</Value>
        <Value label={text.pauseUnused}>
          {policy.pauseUnusedAfterDays === null
            ? text.never
            : text.afterDays(inDays(policy.pauseUnusedAfterDays))}
          {pausesFrom !== null && isAhead(pausesFrom) && (
            <span className="hint">{text.pausesFrom(formats.instant(pausesFrom))}</span>
          )}
        </Value>
        <Value label={text.networks}>{words.networks(policy.networks)}</Value>
        <Value label={text.set}>
          {setAt === null
            ? text.never
            : text.setBy(formats.instant(setAt), setBy?.name ?? shared.formerAdmin)}
        </Value>
      </dl>
    </section>
  );
}

function Value({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function defaultOf({ defaultLifetimeDays: days, maximumLifetimeDays: maximum }: ShownPolicyFragment) {
  if (days !== null) return inDays(days);
  return maximum === null ? text.untilRevoked : text.asMaximum;
}

function inDays(days: number): string {
  return formats.count(days, text.days);
}

function isAhead(at: string): boolean {
  return Date.parse(at) > Date.now();
}

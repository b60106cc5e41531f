// What an admin is to see without e-mail and webhooks: tokens that end soon, or that need care.
import "./reminders.css";
import { useQuery } from "@tanstack/react-query";
import { Link } from "wouter";
import { MAX_COUNTED, tokenCountQuery, tokenRemindersQuery } from "../../api/queries.ts";
import { formats } from "../../formats.ts";
import { Isolated } from "../../parts/isolated.tsx";
import { Note } from "../../parts/note.tsx";
import { paths } from "../../paths.ts";
import { reminders as text, tokens } from "./strings.ts";

const ENDING = { search: "", expires: "30" } as const;
const ENDING_LIST = `${paths.tokens}?expires=${ENDING.expires}&order=expires_soonest`;
const DAY_MS = 24 * 60 * 60 * 1000;
/** Further tokens are shown on demand. */
const SHOWN = 3;

interface Named {
  id: string;
  name: string;
}

/** Says nothing where there is nothing to say, or where it cannot be read: the list says that. */
export function Reminders() {
  const { data: ending = 0 } = useQuery(tokenCountQuery(ENDING));
  const { data } = useQuery(tokenRemindersQuery);
  const overdue = data?.overdueRotations ?? [];
  const retired = data?.retiredSecretsUsed ?? [];
  if (ending === 0 && overdue.length === 0 && retired.length === 0) return null;
  return (
    <section aria-label={text.region}>
      <Note>
        <ul className="reminders">
          {ending > 0 && (
            <li>
              <Link href={ENDING_LIST}>{text.ending(ending, countInWords(ending))}</Link>
            </li>
          )}
          {overdue.length > 0 && (
            <li>
              {waitInWords(overdue)} <Names tokens={overdue} path={paths.token} />
            </li>
          )}
          {retired.length > 0 && (
            <li>
              {retired.length === 1
                ? text.retiredUsed
                : text.retiredUsedOf(formats.number(retired.length))}{" "}
              <Names tokens={retired} path={paths.tokenUsage} />
            </li>
          )}
        </ul>
      </Note>
    </section>
  );
}

function Names({ tokens: named, path }: { tokens: Named[]; path: (id: string) => string }) {
  const further = named.slice(SHOWN);
  return (
    <>
      <Links tokens={named.slice(0, SHOWN)} path={path} />
      {further.length > 0 && (
        <details>
          <summary>{text.more(formats.number(further.length))}</summary>
          <Links tokens={further} path={path} />
        </details>
      )}
    </>
  );
}

function Links({ tokens: named, path }: { tokens: Named[]; path: (id: string) => string }) {
  return named.map(({ id, name }, place) => (
    <span key={id}>
      {place > 0 && ", "}
      <Link href={path(id)}>
        <Isolated>{name}</Isolated>
      </Link>
    </span>
  ));
}

function waitInWords(overdue: { rotation: { startedAt: string } | null }[]): string {
  const [first] = overdue;
  if (overdue.length > 1 || !first?.rotation) return text.overdue(formats.number(overdue.length));
  const days = Math.floor((Date.now() - Date.parse(first.rotation.startedAt)) / DAY_MS);
  return text.overdueFor(formats.count(days, text.days));
}

function countInWords(count: number): string {
  return count > MAX_COUNTED
    ? tokens.moreThan(formats.number(MAX_COUNTED))
    : formats.count(count, tokens.count);
}

// The use of a token in the last 30 days: in a sentence, as a chart, and as a table on demand.
import "./use.css";
import { useQuery } from "@tanstack/react-query";
import type { UseOfDayFragment } from "../../../../generated/operations.ts";
import { useByDayQuery } from "../../api/queries.ts";
import { formats } from "../../formats.ts";
import { TroubleNote } from "../../parts/trouble.tsx";
import { use as text } from "./strings.ts";
import { type Day, UseChart } from "./use-chart.tsx";

const DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;

export function Use({ id }: { id: string }) {
  const { data, error, refetch } = useQuery(useByDayQuery(id, DAYS));
  const days = data && daysOf(data);
  return (
    <section className="use" aria-labelledby="use">
      <h2 id="use">{text.title}</h2>
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      {days && (
        <>
          <p className="use-total">{inWords(days)}</p>
          <UseChart days={days} />
          <DayTable days={days.filter(({ allowed, denied }) => allowed + denied > 0)} />
        </>
      )}
    </section>
  );
}

/** All days, the earliest first, also those without calls. */
function daysOf(used: readonly UseOfDayFragment[]): Day[] {
  const known = new Map(used.map((day) => [day.startsAt.slice(0, 10), day]));
  return Array.from({ length: DAYS }, (_, place) => {
    const at = new Date(Date.now() - (DAYS - 1 - place) * DAY_MS);
    const date = at.toISOString().slice(0, 10);
    const { allowed = 0, denied = 0 } = known.get(date) ?? {};
    return { date, allowed, denied };
  });
}

function inWords(days: readonly Day[]): string {
  const denied = days.reduce((sum, day) => sum + day.denied, 0);
  const calls = days.reduce((sum, day) => sum + day.allowed, 0) + denied;
  if (calls === 0) return text.none(formats.number(DAYS));
  const total = text.calls(formats.count(calls, text.call), formats.number(DAYS));
  if (denied === 0) return text.noneRefused(total);
  const share = denied / calls;
  return text.refused(total, share < 0.01 ? text.lessThan(formats.percent(0.01)) : formats.percent(share));
}

/** Shows nothing where no day had calls. */
function DayTable({ days }: { days: readonly Day[] }) {
  if (days.length === 0) return null;
  return (
    <details>
      <summary>{text.byDay}</summary>
      <table className="day-table">
        <thead>
          <tr>
            <th scope="col">{text.day}</th>
            <th scope="col">{text.allowed}</th>
            <th scope="col">{text.denied}</th>
          </tr>
        </thead>
        <tbody>
          {days.toReversed().map(({ date, allowed, denied }) => (
            <tr key={date}>
              <th scope="row">{formats.dayInUtc(date)}</th>
              <td>{formats.number(allowed)}</td>
              <td>{formats.number(denied)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

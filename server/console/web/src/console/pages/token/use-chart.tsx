// A column for each day: allowed calls, and refused ones above them. The table beside it has the
// same numbers for people who do not see it.
import { formats } from "../../formats.ts";
import { use as text } from "./strings.ts";

const STEP = 10;
const WIDTH = 7;
const HEIGHT = 64;
/** A day with calls is to be seen, also beside one with a thousand times as many. */
const LEAST = 2;

export interface Day {
  /** As in 2026-11-30, in UTC. */
  date: string;
  allowed: number;
  denied: number;
}

export function UseChart({ days }: { days: readonly Day[] }) {
  const most = Math.max(...days.map(({ allowed, denied }) => allowed + denied));
  const [first, last] = [days[0], days.at(-1)];
  if (most === 0 || first === undefined || last === undefined) return null;
  const height = (calls: number): number =>
    calls === 0 ? 0 : Math.max(LEAST, (calls / most) * (HEIGHT - LEAST));
  return (
    <figure className="use-chart">
      <svg viewBox={`0 0 ${days.length * STEP} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
        {days.map(({ date, allowed, denied }, place) => {
          const [low, high] = [height(allowed), height(denied)];
          const x = place * STEP + (STEP - WIDTH) / 2;
          return (
            <g key={date}>
              <title>{text.onDay(formats.dayInUtc(date), formats.number(allowed), formats.number(denied))}</title>
              {/* The whole height answers the pointer. */}
              <rect className="any" x={place * STEP} y={0} width={STEP} height={HEIGHT} />
              <rect className="allowed" x={x} y={HEIGHT - low} width={WIDTH} height={low} />
              <rect className="denied" x={x} y={HEIGHT - low - high} width={WIDTH} height={high} />
            </g>
          );
        })}
      </svg>
      <figcaption>
        <span>{formats.dayInUtc(first.date)}</span>
        <span className="use-key">
          <span className="key allowed">{text.allowed}</span>
          <span className="key denied">{text.denied}</span>
          {text.zone}
        </span>
        <span>{formats.dayInUtc(last.date)}</span>
      </figcaption>
    </figure>
  );
}

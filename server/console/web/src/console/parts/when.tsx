// An instant: how long ago it is, or exactly and with the reader's zone, as the reader chose. A tap on
// one changes it alone; the control below each page changes all, by keyboard too.
import { type ReactNode, useState } from "react";
import { useExactTimes, useNow, useOnPaper } from "../exact-times.ts";
import { formats } from "../formats.ts";

interface Props {
  at: string;
}

/** "5 minutes ago", "in 3 days"; a day more than a month away. */
export function When({ at }: Props) {
  const now = useNow();
  const onPaper = useOnPaper();
  return <Time at={at}>{onPaper ? formats.logged(at) : formats.relative(at, now)}</Time>;
}

/** Below the heading of its day: the time of day to the second, and how long ago. */
export function Ago({ at }: Props) {
  useNow();
  const onPaper = useOnPaper();
  return <Time at={at}>{onPaper ? formats.logged(at) : formats.ago(at)}</Time>;
}

/** Where instants of one day matter less than the day. */
export function Day({ at }: Props) {
  return <Time at={at}>{formats.day(at)}</Time>;
}

/** To the second, with the zone: where it is compared with a log. */
export function Logged({ at }: Props) {
  return (
    <time dateTime={at} title={formats.exact(at)}>
      {formats.logged(at)}
    </time>
  );
}

function Time({ at, children }: Props & { children: ReactNode }) {
  const all = useExactTimes();
  const [turned, setTurned] = useState(false);
  const isExact = all !== turned;
  return (
    <time
      className={isExact ? "exact" : undefined}
      dateTime={at}
      title={formats.exact(at)}
      onClick={() => setTurned(!turned)}
    >
      {isExact ? formats.logged(at) : children}
    </time>
  );
}

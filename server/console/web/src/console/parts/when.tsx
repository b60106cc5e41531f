// An instant in the reader's own zone and words; the exact time in UTC is there on hover.
import { formats } from "../formats.ts";

export function When({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formats.exact(at)}>
      {formats.instant(at)}
    </time>
  );
}

export function Day({ at }: { at: string }) {
  return (
    <time dateTime={at} title={formats.exact(at)}>
      {formats.day(at)}
    </time>
  );
}

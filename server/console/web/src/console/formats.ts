// Dates and numbers in the reader's locale.
import { common } from "../strings.ts";

// Some systems pass browsers invalid locales, such as "en-US@posix", for which formatters throw.
const languages = navigator.languages.filter(isLanguage);
const instant = new Intl.DateTimeFormat(languages, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const logged = new Intl.DateTimeFormat(languages, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  timeZoneName: "short",
});
const zoneName = new Intl.DateTimeFormat(languages, { timeZoneName: "longOffset" });
const day = new Intl.DateTimeFormat(languages, { dateStyle: "medium" });
const dayInUtc = new Intl.DateTimeFormat(languages, {
  day: "numeric",
  month: "short",
  timeZone: "UTC",
});
const longDay = new Intl.DateTimeFormat(languages, { dateStyle: "full" });
const time = new Intl.DateTimeFormat(languages, { timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(languages, { numeric: "auto" });
const percent = new Intl.NumberFormat(languages, { style: "percent" });
const number = new Intl.NumberFormat(languages);
const plural = new Intl.PluralRules(common.language);

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Further away, a date says more. */
const MAX_RELATIVE_DAYS = 30;

/** A noun for one of a thing, and for any other count. */
export interface Nouns {
  one: string;
  other: string;
}

export const formats = {
  /** To the minute, with the reader's time zone. */
  instant: (at: string): string => instant.format(new Date(at)),
  /** To the second, with the reader's time zone. */
  logged: (at: string): string => logged.format(new Date(at)),
  /** "5 minutes ago", "in 3 days", or a day. now: in milliseconds since the epoch. */
  relative: (at: string, now: number): string => {
    const seconds = Math.round((Date.parse(at) - now) / 1000);
    const away = Math.abs(seconds);
    if (away < MINUTE) return relative.format(0, "minute");
    if (away < HOUR) return relative.format(Math.trunc(seconds / MINUTE), "minute");
    if (away < DAY) return relative.format(Math.trunc(seconds / HOUR), "hour");
    if (away > MAX_RELATIVE_DAYS * DAY) return day.format(new Date(at));
    return relative.format(Math.trunc(seconds / DAY), "day");
  },
  day: (at: string): string => day.format(new Date(at)),
  /** date: as in 2026-11-30, of a day in UTC. */
  dayInUtc: (date: string): string => dayInUtc.format(new Date(date)),
  longDay: (at: string): string => longDay.format(new Date(at)),
  /** "14:32:07", with "5 minutes ago" within a day. */
  ago: (at: string): string => {
    const seconds = Math.min(Math.round((Date.parse(at) - Date.now()) / 1000), 0);
    const [count, unit] =
      seconds > -HOUR ? [seconds / 60, "minute" as const] : [seconds / HOUR, "hour" as const];
    const clock = time.format(new Date(at));
    // `+ 0`: minus zero would be "in 0 minutes".
    const past = relative.format(Math.ceil(count) + 0, unit);
    return seconds > -24 * HOUR ? `${past}, ${clock}` : clock;
  },
  /** With microseconds as the server gives them, as in 2026-11-24 21:05:05.960245 UTC. */
  exact: (at: string): string => at.replace("T", " ").replace("Z", " UTC"),
  /** The reader's time zone, as in Europe/Berlin. */
  zone: (): string => instant.resolvedOptions().timeZone,
  /** Its distance from UTC now, as in GMT+01:00. */
  offset: (): string =>
    zoneName.formatToParts(Date.now()).find(({ type }) => type === "timeZoneName")?.value ?? "",
  /** In the reader's time zone, to the minute, as inputs of the type datetime-local have it. */
  forInput: (at: Date): string =>
    new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16),
  /** "3%", as a share of one. */
  percent: (share: number): string => percent.format(share),
  number: (value: number): string => number.format(value),
  /** "1 token", "1,024 tokens". */
  count: (value: number, nouns: Nouns): string =>
    `${number.format(value)} ${plural.select(value) === "one" ? nouns.one : nouns.other}`,
};

function isLanguage(tag: string): boolean {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false;
  }
}

// Dates and numbers in the reader's locale.
import { common } from "../strings.ts";

// Some systems pass browsers invalid locales, such as "en-US@posix", for which formatters throw.
const languages = navigator.languages.filter(isLanguage);
const instant = new Intl.DateTimeFormat(languages, { dateStyle: "medium", timeStyle: "short" });
const zoned = new Intl.DateTimeFormat(languages, {
  year: "numeric",
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  timeZoneName: "short",
});
const day = new Intl.DateTimeFormat(languages, { dateStyle: "medium" });
const number = new Intl.NumberFormat(languages);
const plural = new Intl.PluralRules(common.language);

/** A noun for one of a thing, and for any other count. */
export interface Nouns {
  one: string;
  other: string;
}

export const formats = {
  instant: (at: string): string => instant.format(new Date(at)),
  /** With the reader's time zone. */
  zoned: (at: string): string => zoned.format(new Date(at)),
  day: (at: string): string => day.format(new Date(at)),
  /** With microseconds as the server gives them, as in 2026-11-24 21:05:05.960245 UTC. */
  exact: (at: string): string => at.replace("T", " ").replace("Z", " UTC"),
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

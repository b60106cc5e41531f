// The short name of a browser, read from what it says of itself at sign-in.
import { sessions as text } from "./strings.ts";

// The first that matches counts: nearly every browser also names those that it is compatible with.
const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdgA?(?:iOS)?\/\d/, "Edge"],
  [/\bOPR\/\d/, "Opera"],
  [/\bSamsungBrowser\/\d/, "Samsung Internet"],
  [/\b(?:Firefox|FxiOS)\/\d/, "Firefox"],
  [/\b(?:Chrome|CriOS|HeadlessChrome)\/\d/, "Chrome"],
  [/\bVersion\/\d.*\bSafari\/\d/, "Safari"],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, "iPhone"],
  [/\biPad\b/, "iPad"],
  [/\bAndroid\b/, "Android"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b/, "macOS"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bLinux\b/, "Linux"],
];
const MAX_SHOWN = 40;

function found(names: readonly (readonly [RegExp, string])[], userAgent: string) {
  return names.find(([pattern]) => pattern.test(userAgent))?.[1];
}

/** Such as "Firefox on Linux"; of another client, the beginning of what it says of itself. */
export function browserOf(userAgent: string | null | undefined): string {
  if (!userAgent) return text.unknown;
  const browser = found(BROWSERS, userAgent);
  const system = found(SYSTEMS, userAgent);
  if (browser !== undefined) {
    return system === undefined ? browser : text.browserOn(browser, system);
  }
  return userAgent.length > MAX_SHOWN ? `${userAgent.slice(0, MAX_SHOWN - 1)}…` : userAgent;
}

// Says below each page in which zone its times are, and shows them exactly or in relation to now.
import "./zone-note.css";
import { setExactTimes, useExactTimes } from "../exact-times.ts";
import { formats } from "../formats.ts";
import { shell as text } from "./strings.ts";

export function ZoneNote() {
  const exact = useExactTimes();
  return (
    <footer className="zone-note">
      <span>{text.zone(formats.zone(), formats.offset())}</span>
      <button type="button" className="button small" onClick={() => setExactTimes(!exact)}>
        {exact ? text.relativeTimes : text.exactTimes}
      </button>
    </footer>
  );
}

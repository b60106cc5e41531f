// A button that copies a text, and says that it has.
import { useEffect, useState } from "react";
import { strings } from "../../strings.ts";
import { Icon } from "./icon.tsx";

const text = strings.console.copy;
const SAID_MS = 2500;

interface Props {
  value: string;
  label: string;
  className?: string;
  /** The clipboard may be closed to the page: then the text has to be shown to be selected. */
  onFailed?: () => void;
}

export function CopyButton({ value, label, className = "button", onFailed }: Props) {
  const [outcome, setOutcome] = useState<"copied" | "failed">();
  useEffect(() => {
    // What has to be done by hand is said until it is tried anew.
    if (outcome !== "copied") return;
    const timer = setTimeout(() => setOutcome(undefined), SAID_MS);
    return () => clearTimeout(timer);
  }, [outcome]);

  async function copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(value);
    } catch {
      setOutcome("failed");
      onFailed?.();
      return;
    }
    setOutcome("copied");
  }

  return (
    <>
      <button type="button" className={className} onClick={() => void copy()}>
        <Icon name={outcome === "copied" ? "check" : "copy"} />
        {outcome === "copied" ? text.copied : label}
      </button>
      <span role="status" className={outcome === "failed" ? "problem" : "visually-hidden"}>
        {outcome && text[outcome]}
      </span>
    </>
  );
}

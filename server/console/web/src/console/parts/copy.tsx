// A button that copies a text and announces it.
import "./problem.css";
import { useEffect, useState } from "react";
import { Icon } from "./icon.tsx";
import { copy as text } from "./strings.ts";

const SAID_MS = 2500;

interface Props {
  value: string;
  label: string;
  className?: string;
  onCopied?: () => void;
  /** Called if the browser denies the clipboard: the text has to be shown for selection. */
  onFailed?: () => void;
}

export function CopyButton({ value, label, className = "button", onCopied, onFailed }: Props) {
  const [outcome, setOutcome] = useState<"copied" | "failed">();
  useEffect(() => {
    // Keep the instruction to copy by hand until the next attempt.
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
    onCopied?.();
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

// An error message with a way to retry, in place of content that could not be loaded.
import "./problem.css";
import { Trouble } from "../trouble.ts";
import { trouble as text } from "./strings.ts";

/** `error`: a thrown value, or a sentence. */
export function sentenceOf(error: unknown): string {
  if (typeof error === "string") return error;
  return error instanceof Trouble ? error.message : text.unknown;
}

export function TroubleNote({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  return (
    <div className="problem trouble" role="alert">
      <p>{sentenceOf(error)}</p>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          {text.retry}
        </button>
      )}
    </div>
  );
}

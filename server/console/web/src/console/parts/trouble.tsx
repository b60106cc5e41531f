// What went wrong and what can be done about it, in place of what could not be shown or done.
import { strings } from "../../strings.ts";
import { Trouble } from "../api/request.ts";

const text = strings.console.trouble;

/** `error` is what was thrown, or a sentence already. */
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

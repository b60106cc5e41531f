// Starts a trial with the grid's selection, then goes to the token's page.
import "./trial.css";
import { useState } from "react";
import { useLocation } from "wouter";
import { StartTrialDocument, type TokenDetailsFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { Confirm } from "../../parts/confirm.tsx";
import { Field } from "../../parts/field.tsx";
import { useSay } from "../../parts/status.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { startTrial as text, trial as words } from "./strings.ts";

const DAYS = [7, 14, 31, 90] as const;
const DEFAULT_DAYS = 14;

interface Props {
  token: TokenDetailsFragment;
  /** The keys of the permissions that the trial keeps, and how many it leaves out. */
  kept: readonly string[];
  leftOut: number;
  /** The selection needs no guard any longer. */
  onStarted: () => void;
  onConflict: (current: TokenDetailsFragment) => void;
  onClose: () => void;
}

export function StartTrial({ token, kept, leftOut, onStarted, onConflict, onClose }: Props) {
  const [days, setDays] = useState<number>(DEFAULT_DAYS);
  const [, go] = useLocation();
  const refresh = useRefresh();
  const say = useSay();

  async function start(): Promise<void> {
    const { startTrial: answer } = await request(StartTrialDocument, {
      input: { tokenId: token.id, permissions: [...kept], days, ifRevision: token.revision },
    });
    switch (answer.__typename) {
      case "StartTrialPayload":
        onStarted();
        await refresh();
        go(paths.token(token.id));
        say(text.done);
        return;
      case "RevisionConflict":
      case "TrialUnderWay":
        onConflict(answer.token);
        return;
      case "NotFound":
        throw refused({ message: shared.tokenGone });
      case "InvalidInput":
        throw refused(answer);
    }
  }

  return (
    <Confirm
      title={text.title(token.name)}
      confirm={text.confirm}
      busyLabel={text.busy}
      onConfirm={start}
      onClose={onClose}
    >
      <p>{text.lead(formats.count(leftOut, words.permissions))}</p>
      <p>{text.next}</p>
      <div className="trial-days">
        <Field label={text.days}>
          {(field) => (
            <select
              {...field}
              value={days}
              onChange={({ target: { value } }) => setDays(Number(value))}
            >
              {DAYS.map((one) => (
                <option key={one} value={one}>
                  {text.choice(formats.number(one))}
                </option>
              ))}
            </select>
          )}
        </Field>
      </div>
    </Confirm>
  );
}

// The fields of the policy.
import { Field } from "../../parts/field.tsx";
import { type Draft, range } from "./draft.ts";
import { form as text } from "./strings.ts";

interface Props {
  draft: Draft;
  problemOf: (field: string) => string | undefined;
  onDraft: (draft: Draft) => void;
}

export function Fields({ draft, problemOf, onDraft }: Props) {
  return (
    <>
      <div className="policy-days">
        <Days
          label={text.maximumLabel}
          hint={text.maximumHint}
          typed={draft.maximum}
          problem={problemOf("maximumLifetimeDays")}
          onChange={(maximum) => onDraft({ ...draft, maximum })}
        />
        <Days
          label={text.defaultLabel}
          hint={text.defaultHint}
          typed={draft.defaultLifetime}
          problem={problemOf("defaultLifetimeDays")}
          onChange={(defaultLifetime) => onDraft({ ...draft, defaultLifetime })}
        />
        <Days
          label={text.pauseLabel}
          hint={text.pauseHint}
          typed={draft.pauseUnused}
          problem={problemOf("pauseUnusedAfterDays")}
          onChange={(pauseUnused) => onDraft({ ...draft, pauseUnused })}
        />
      </div>
      <Field label={text.networksLabel} hint={text.networksHint} problem={problemOf("networks")}>
        {(field) => (
          <textarea
            {...field}
            className="networks"
            rows={3}
            spellCheck={false}
            autoCapitalize="off"
            value={draft.networks}
            onChange={(event) => onDraft({ ...draft, networks: event.target.value })}
          />
        )}
      </Field>
      <Field label={text.fromLabel} hint={text.fromHint} problem={problemOf("effectiveFrom")}>
        {(field) => (
          <input
            {...field}
            {...range()}
            type="date"
            value={draft.from}
            onChange={(event) => onDraft({ ...draft, from: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

interface DaysProps {
  label: string;
  hint: string;
  typed: string;
  problem: string | undefined;
  onChange: (typed: string) => void;
}

function Days({ label, hint, typed, problem, onChange }: DaysProps) {
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(field) => (
        <input
          {...field}
          inputMode="numeric"
          autoComplete="off"
          value={typed}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}

// Changes the policy: a form, then the effect on tokens that exist, then the confirmation.
import { useRef, useState } from "react";
import type { ShownPolicyFragment } from "../../../../generated/operations.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { LeaveGuard } from "../../parts/leave-guard.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { type FieldProblem, useForm } from "../../parts/use-form.ts";
import { type Draft, draftOf, wantedOf } from "./draft.ts";
import { Fields } from "./fields.tsx";
import { Preview } from "./preview.tsx";
import { type Previewed, previewOf } from "./previewed.ts";
import { form as text } from "./strings.ts";

interface Props {
  policy: ShownPolicyFragment;
  onSet: () => void;
}

export function ChangePolicy({ policy, onSet }: Props) {
  const [given] = useState(() => draftOf(policy));
  const [draft, setDraft] = useState(given);
  const [previewed, setPreviewed] = useState<Previewed>();
  // A problem that only setting the policy found, such as a day that has begun meanwhile.
  const [late, setLate] = useState<FieldProblem>();
  const [setting, setSetting] = useState(false);
  const latest = useRef(draft);
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    setLate(undefined);
    const wanted = wantedOf(draft);
    if (Array.isArray(wanted)) return wanted;
    const found = await previewOf(wanted);
    if ("field" in found) return found;
    // Of what stands in the form, which may have been edited meanwhile.
    if (latest.current === draft) setPreviewed(found);
    return undefined;
  });
  const unsaved = JSON.stringify(draft) !== JSON.stringify(given);

  function edit(changed: Draft): void {
    latest.current = changed;
    setDraft(changed);
    setPreviewed(undefined); // It is of other values.
  }

  return (
    <section aria-labelledby="change-policy">
      <h2 id="change-policy">{text.title}</h2>
      {/* Inert while the policy is set: an edit made then would be lost. */}
      <form
        className="policy-form"
        inert={setting}
        onSubmit={onSubmit}
        aria-busy={busy}
        noValidate
      >
        <Fields
          draft={draft}
          problemOf={(field) =>
            problemOf(field) ?? (late?.field === field ? late.message : undefined)
          }
          onDraft={edit}
        />
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <div>
          <BusyButton
            type="submit"
            className={previewed ? "button" : "button primary"}
            busy={busy}
          >
            {busy ? text.previewing : text.preview}
          </BusyButton>
        </div>
      </form>
      {previewed && (
        <Preview
          key={previewed.preview.version}
          present={policy}
          previewed={previewed}
          onSetting={setSetting}
          onAnew={setPreviewed}
          onProblem={(problem) => {
            setLate(problem);
            setPreviewed(undefined);
          }}
          onSet={onSet}
        />
      )}
      <LeaveGuard unsaved={unsaved} />
    </section>
  );
}

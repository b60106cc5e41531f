// The effect of a policy on tokens that exist, and the confirmation.
import { useEffect, useRef } from "react";
import { SetTokenPolicyDocument, type ShownPolicyFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { Note } from "../../parts/note.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { type FieldProblem, useForm } from "../../parts/use-form.ts";
import { Affected } from "./affected.tsx";
import { sentencesOf } from "./preview-texts.ts";
import { type Previewed, previewOf } from "./previewed.ts";
import { preview as text } from "./strings.ts";

interface Props {
  present: ShownPolicyFragment;
  previewed: Previewed;
  /** The request to set it begins, or has ended. */
  onSetting: (setting: boolean) => void;
  onAnew: (previewed: Previewed) => void;
  onProblem: (problem: FieldProblem) => void;
  onSet: () => void;
}

export function Preview({ present, previewed, onSetting, onAnew, onProblem, onSet }: Props) {
  const { wanted, preview } = previewed;
  const heading = useRef<HTMLHeadingElement>(null);
  const refresh = useRefresh();
  const say = useSay();
  useEffect(() => {
    heading.current?.focus({ preventScroll: true });
    heading.current?.scrollIntoView();
  }, []);
  const { busy, trouble, onSubmit } = useForm(async () => {
    onSetting(true);
    try {
      await set();
    } finally {
      onSetting(false);
    }
    return undefined;
  });

  async function set(): Promise<void> {
    const { setTokenPolicy: answer } = await request(SetTokenPolicyDocument, {
      // The instant as the preview tells it: the version is of that one.
      input: {
        policy: wanted.policy,
        effectiveFrom: preview.effectiveFrom,
        ifVersion: preview.version,
      },
    });
    switch (answer.__typename) {
      case "SetTokenPolicyPayload":
        await refresh();
        onSet();
        say(text.done);
        return;
      case "InvalidInput":
        onProblem(answer);
        return;
      case "TokenPolicyConflict": {
        const anew = await previewOf(wanted);
        if ("field" in anew) onProblem(anew);
        else onAnew({ ...anew, isAnew: true });
        void refresh();
      }
    }
  }

  return (
    <section className="policy-preview" aria-labelledby="policy-preview">
      <h2 id="policy-preview" ref={heading} tabIndex={-1}>
        {text.title}
      </h2>
      {previewed.isAnew && (
        <Note alert>
          <p>{text.changed}</p>
        </Note>
      )}
      <ul className="policy-effects">
        {sentencesOf(present, wanted, preview).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <Affected previewed={previewed} />
      <form onSubmit={onSubmit} aria-busy={busy}>
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <div>
          <BusyButton type="submit" className="button primary" busy={busy}>
            {busy ? text.setting : text.set}
          </BusyButton>
        </div>
      </form>
    </section>
  );
}

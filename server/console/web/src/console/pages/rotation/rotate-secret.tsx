// Rotating a token's secret: asks how the old one ends, then shows the new one.
import "./rotation.css";
import { useState } from "react";
import type { TokenRotationFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { SecretDialog } from "../../parts/secret.tsx";
import { useSay } from "../../parts/status.tsx";
import { type Rotated, RotateForm } from "./rotate-form.tsx";
import { rotate as text } from "./strings.ts";

interface Props {
  token: TokenRotationFragment;
  onClose: () => void;
}

export function RotateSecret({ token, onClose }: Props) {
  // The secret is in this component's state, and nowhere else.
  const [rotated, setRotated] = useState<Rotated>();
  const refresh = useRefresh();
  const say = useSay();

  async function close(): Promise<void> {
    await refresh();
    onClose();
    say(text.rotated(token.name));
  }

  if (rotated === undefined) {
    return <RotateForm token={token} onRotated={setRotated} onClose={onClose} />;
  }
  return (
    <SecretDialog
      title={text.secretTitle}
      lead={text.secretLead(token.name)}
      label={text.secretLabel}
      copyLabel={text.copy}
      secret={rotated.secret}
      next={text.done}
      onNext={() => void close()}
      onClose={() => void close()}
    >
      <p className="quiet rotated-next">
        {rotated.compromised ? text.oldEnded : text.oldEnds(rotated.lifetime)}
      </p>
    </SecretDialog>
  );
}

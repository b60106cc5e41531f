// Adding a token: asks for its name, shows its secret, then offers to choose its permissions.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation } from "wouter";
import { useRefresh } from "../../api/queries.ts";
import { apiUrlQuery, useViewer } from "../../api/viewer.ts";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { SecretDialog } from "../../parts/secret.tsx";
import { useSay } from "../../parts/status.tsx";
import { paths } from "../../paths.ts";
import { FirstRequest } from "../first-request.tsx";
import { LostSecret } from "./lost-secret.tsx";
import { emptyToken, type NewToken } from "./new-token.ts";
import { addToken as text } from "./strings.ts";
import { type Created, TokenForm } from "./token-form.tsx";

interface CreatedToken {
  id: string;
  name: string;
}
/** The secret is in the second step's state, in this component, and nowhere else. */
type Step =
  | { name: "details" }
  | { name: "secret"; token: CreatedToken; secret: string; keys: readonly string[] }
  | { name: "choice"; token: CreatedToken }
  | { name: "lost"; token: CreatedToken };

interface Props {
  /** What a link, or the token that is duplicated, fills in. */
  given?: Partial<NewToken> | undefined;
  onClose: () => void;
}

export function AddToken({ given, onClose }: Props) {
  const [step, setStep] = useState<Step>({ name: "details" });
  const { tokenPolicy } = useViewer().tenant;
  const [draft, setDraft] = useState<NewToken>(() => ({ ...emptyToken(tokenPolicy), ...given }));
  const refresh = useRefresh();

  async function close(): Promise<void> {
    await refresh();
    onClose();
  }

  switch (step.name) {
    case "details":
      return (
        <TokenForm
          draft={draft}
          onDraft={setDraft}
          onCreated={(created, keys) => setStep(stepAfter(created, keys))}
          onClose={onClose}
        />
      );
    case "secret":
      return (
        <SecretDialog
          title={text.secretTitle}
          lead={text.secretLead(step.token.name)}
          label={text.secretLabel}
          copyLabel={text.copy}
          secret={step.secret}
          next={text.next}
          onNext={() => setStep({ name: "choice", token: step.token })}
          onClose={() => void close()}
        >
          <HowToCall keys={step.keys} />
        </SecretDialog>
      );
    case "choice":
      return (
        <PermissionsQuestion
          token={step.token}
          has={draft.recipe !== "" ? "recipe" : draft.keys.length > 0 ? "chosen" : "none"}
          onClose={close}
        />
      );
    case "lost":
      return (
        <LostSecret
          token={step.token}
          onAgain={() => setStep({ name: "details" })}
          onClose={close}
        />
      );
  }
}

function stepAfter(created: Created, keys: readonly string[]): Step {
  return created.__typename === "CreateTokenPayload"
    ? { name: "secret", token: created.token, secret: created.secret, keys }
    : { name: "lost", token: created.token };
}

/** Shows nothing while the API's URL is not known. */
function HowToCall({ keys }: { keys: readonly string[] }) {
  const { data: tenant } = useQuery(apiUrlQuery);
  if (tenant === undefined || tenant.apiUrl === null) return null;
  return (
    <FirstRequest
      apiUrl={tenant.apiUrl}
      docsUrl={tenant.docsUrl}
      endpoints={keys.map(endpointOf)}
    />
  );
}

/** key: the method, a space, and the path. */
function endpointOf(key: string): { method: string; path: string } {
  const space = key.indexOf(" ");
  return { method: key.slice(0, space), path: key.slice(space + 1) };
}

interface QuestionProps {
  token: CreatedToken;
  /** Where the permissions are from that it has already. */
  has: keyof typeof text.choiceLead;
  onClose: () => Promise<void>;
}

function PermissionsQuestion({ token, has, onClose }: QuestionProps) {
  const [, go] = useLocation();
  const refresh = useRefresh();
  const say = useSay();

  async function skip(): Promise<void> {
    await onClose();
    say(text.added(token.name));
  }

  function configure(): void {
    void refresh(); // The first token gives the organisation its API URL.
    go(paths.editPermissions(token.id));
  }

  return (
    <Dialog title={text.choiceTitle} onDismiss={() => void onClose()} narrow>
      <p>{text.choiceLead[has](token.name)}</p>
      <DialogActions>
        <button type="button" className="button" onClick={() => void skip()}>
          {text.skip}
        </button>
        <button type="button" className="button primary" data-autofocus onClick={configure}>
          {text.configure}
        </button>
      </DialogActions>
    </Dialog>
  );
}

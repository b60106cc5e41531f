// Dialogs that grant or decline one access request.
import { useState } from "react";
import {
  type AccessRequestRowFragment,
  DeclineAccessRequestDocument,
  GrantAccessRequestDocument,
} from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request as send } from "../../api/request.ts";
import { Dialog, FormActions } from "../../parts/dialog.tsx";
import { Field } from "../../parts/field.tsx";
import { PermissionLine } from "../../parts/permission.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { decide as text } from "./strings.ts";

interface Props {
  request: AccessRequestRowFragment;
  onClose: () => void;
}

export function GrantRequest({ request, onClose }: Props) {
  const { id, token, permission, reason } = request;
  async function grant(): Promise<string> {
    const { grantAccessRequest } = await send(GrantAccessRequestDocument, {
      input: { requestId: id },
    });
    if (grantAccessRequest.__typename !== "GrantAccessRequestPayload") {
      throw refused(grantAccessRequest);
    }
    return text.granted(permission.key, token.name);
  }

  return (
    <ConfirmChange
      title={text.grantTitle(token.name)}
      confirm={text.grant}
      busyLabel={text.granting}
      onConfirm={grant}
      onClose={onClose}
    >
      <PermissionLine permission={permission} />
      <p className="request-reason" dir="auto">{reason}</p>
      <p>{text.grantLead}</p>
    </ConfirmChange>
  );
}

export function DeclineRequest({ request, onClose }: Props) {
  const [reason, setReason] = useState("");
  const refresh = useRefresh();
  const say = useSay();
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    const { declineAccessRequest: answer } = await send(DeclineAccessRequestDocument, {
      input: { requestId: request.id, reason },
    });
    if (answer.__typename === "InvalidInput" && answer.field === "reason") return answer;
    if (answer.__typename !== "DeclineAccessRequestPayload") throw refused(answer);
    await refresh();
    onClose();
    say(text.declined);
    return undefined;
  });

  return (
    <Dialog title={text.declineTitle(request.token.name)} onDismiss={onClose} busy={busy} narrow>
      <form onSubmit={onSubmit} aria-busy={busy} noValidate>
        <PermissionLine permission={request.permission} />
        <Field label={text.reason} hint={text.reasonHint} problem={problemOf("reason")}>
          {(field) => (
            <textarea
              {...field}
              rows={3}
              dir="auto"
              required
              data-autofocus
              value={reason}
              onChange={(event) => setReason(event.target.value)}
            />
          )}
        </Field>
        {trouble !== undefined && <TroubleNote error={trouble} />}
        <FormActions
          submit={text.decline}
          busyLabel={text.declining}
          busy={busy}
          onCancel={onClose}
        />
      </form>
    </Dialog>
  );
}

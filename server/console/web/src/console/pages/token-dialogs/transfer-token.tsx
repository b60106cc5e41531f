// Gives a token to another admin, or to the organisation.
import { TransferTokenDocument } from "../../../../generated/operations.ts";
import { isolated } from "../../../isolated.ts";
import { useAllAdmins } from "../../api/all-admins.ts";
import { request } from "../../api/request.ts";
import { useViewer } from "../../api/viewer.ts";
import { Field } from "../../parts/field.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { words } from "../condition-texts.ts";
import { ConditionDialog, type ConditionProps } from "./condition-dialog.tsx";
import { fields, transfer as text } from "./strings.ts";

const ORGANISATION = "";

export function TransferToken(props: ConditionProps) {
  const { tenant } = useViewer();
  return (
    <ConditionDialog
      {...props}
      title={text.title}
      lead={text.lead}
      submit={text.transfer}
      said={text.saved}
      gone={text.gone}
      draftOf={({ owner }) => owner?.id ?? ORGANISATION}
      current={{ label: fields.owner, of: (token) => words.owner(token, tenant) }}
      send={async (adminId, of) => {
        const input = { ...of, toAdminId: adminId === ORGANISATION ? null : adminId };
        return (await request(TransferTokenDocument, { input })).transferToken;
      }}
    >
      {({ base, draft, setDraft }) => (
        <OwnerField present={base.owner} adminId={draft} onChange={setDraft} />
      )}
    </ConditionDialog>
  );
}

interface OwnerProps {
  present: { id: string; name: string } | null;
  adminId: string;
  onChange: (id: string) => void;
}

function OwnerField({ present, adminId, onChange }: OwnerProps) {
  const { tenant } = useViewer();
  const { admins, error } = useAllAdmins();
  // The admins are not read yet, or the owner was removed since.
  const missing = present !== null && !admins?.some(({ id }) => id === present.id);
  return (
    <>
      <Field label={fields.owner}>
        {(field) => (
          <select {...field} value={adminId} onChange={(event) => onChange(event.target.value)}>
            <option value={ORGANISATION}>{shared.organisation(tenant.name)}</option>
            {missing && <option value={present.id}>{isolated(present.name)}</option>}
            {admins?.map(({ id, name, email }) => (
              <option key={id} value={id}>
                {fields.withAddress(name, email)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {error !== null && <TroubleNote error={error} />}
    </>
  );
}

// The conditions of a new token that most tokens do without, behind a disclosure.
import "./more-conditions.css";
import { useState } from "react";
import { useViewer } from "../../api/viewer.ts";
import { RadioGroup } from "../../parts/radio-group.tsx";
import { shared } from "../../strings.ts";
import { LimitField } from "./limit-field.tsx";
import { NetworksField } from "./networks-field.tsx";
import type { NewToken } from "./new-token.ts";
import { addToken, fields as text } from "./strings.ts";

interface Props {
  draft: NewToken;
  onDraft: (draft: NewToken) => void;
  problemOf: (field: string) => string | undefined;
}

export function MoreConditions({ draft, onDraft, problemOf }: Props) {
  const { admin, tenant } = useViewer();
  const [open, setOpen] = useState(false);
  const networks = problemOf("networks");
  const limit = problemOf("requestsPerHour");
  // A problem must be seen.
  const isOpen = open || networks !== undefined || limit !== undefined;
  return (
    <details
      className="more-conditions"
      open={isOpen}
      onToggle={(event) => setOpen(event.currentTarget.open)}
    >
      <summary>{addToken.more}</summary>
      <div>
        <NetworksField
          lines={draft.networks}
          problem={networks}
          onChange={(lines) => onDraft({ ...draft, networks: lines })}
        />
        <LimitField
          typed={draft.limit}
          problem={limit}
          onChange={(typed) => onDraft({ ...draft, limit: typed })}
        />
        <RadioGroup
          label={text.owner}
          name="owner"
          value={draft.isOwnedByOrganisation ? "organisation" : "me"}
          choices={[
            { value: "me", label: text.me(admin.name), hint: text.meHint },
            {
              value: "organisation",
              label: shared.organisation(tenant.name),
              hint: text.organisationHint,
            },
          ]}
          onChange={(owner) => onDraft({ ...draft, isOwnedByOrganisation: owner === "organisation" })}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={draft.holderMayRotate}
            onChange={(event) => onDraft({ ...draft, holderMayRotate: event.target.checked })}
          />
          <span>{text.holderMayRotate}</span>
        </label>
      </div>
    </details>
  );
}

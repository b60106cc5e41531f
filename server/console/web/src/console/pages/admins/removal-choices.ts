// The choices for the tokens of a removed admin, as values of a `select`.
import { useState } from "react";
import type { RemovalDefaultInput } from "../../../../generated/operations.ts";
import { useAllAdmins } from "../../api/all-admins.ts";
import { useViewer } from "../../api/viewer.ts";
import { shared } from "../../strings.ts";
import { removal as text } from "./strings.ts";

export const AS_OTHERS = "";
export const REVOKE = "revoke";
const ORGANISATION = "organisation";

export interface Option {
  value: string;
  label: string;
}

export interface Choices {
  others: string;
  setOthers: (value: string) => void;
  /** The choice for one token, `AS_OTHERS` by default. */
  of: (tokenId: string) => string;
  choose: (tokenId: string, value: string) => void;
  /** What can be chosen when this admin leaves. */
  optionsWithout: (adminId: string) => Option[];
}

export function useChoices(): Choices {
  const { tenant } = useViewer();
  const { admins } = useAllAdmins();
  const [others, setOthers] = useState(REVOKE);
  const [single, setSingle] = useState<Record<string, string>>({});
  return {
    others,
    setOthers,
    of: (tokenId) => single[tokenId] ?? AS_OTHERS,
    choose: (tokenId, value) => setSingle({ ...single, [tokenId]: value }),
    optionsWithout: (adminId) => [
      { value: REVOKE, label: text.revoke },
      { value: ORGANISATION, label: text.transferTo(shared.organisation(tenant.name)) },
      ...(admins ?? [])
        .filter(({ id }) => id !== adminId)
        .map(({ id, name }) => ({ value: id, label: text.transferTo(name) })),
    ],
  };
}

/** A choice as the server takes it. */
export function choiceOf(value: string): RemovalDefaultInput {
  if (value === REVOKE) return { action: "REVOKE" };
  return { action: "TRANSFER", toAdminId: value === ORGANISATION ? null : value };
}

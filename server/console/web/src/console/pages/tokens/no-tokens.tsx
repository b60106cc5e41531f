// In place of a list without tokens: an invitation to add the first one, or a way back.
import type { ReactNode } from "react";
import { Empty } from "../../parts/empty.tsx";
import { Icon } from "../../parts/icon.tsx";
import { tokens as text } from "./strings.ts";

export function FirstUse({ hadTokens, children }: { hadTokens: boolean; children: ReactNode }) {
  return (
    <Empty>
      <Icon name="key" />
      <h2>{hadTokens ? text.noneTitle : text.emptyTitle}</h2>
      <p>{text.emptyLead}</p>
      {children || <p>{text.emptyAuditor}</p>}
    </Empty>
  );
}

export function NothingFound({ search, onClear }: { search: string; onClear: () => void }) {
  return (
    <Empty>
      <p role="status">{search === "" ? text.pageEmpty : text.nothingFound(search)}</p>
      <button type="button" className="button" onClick={onClear}>
        {search === "" ? text.toFirstPage : text.clearSearch}
      </button>
    </Empty>
  );
}

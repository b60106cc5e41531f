// The permission grid: all permissions, those the token holds, and the changes to save.
import "./grid.css";
import { useState } from "react";
import { useLocation } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { Empty } from "../../parts/empty.tsx";
import { LeaveGuard } from "../../parts/leave-guard.tsx";
import { Page } from "../../parts/page.tsx";
import { paths } from "../../paths.ts";
import { BackToTokens } from "../back-to-tokens.tsx";
import { Category } from "./category.tsx";
import { Conflict } from "./conflict.tsx";
import { CopyFrom } from "./copy-from.tsx";
import { type Categories, type Filter, keysOf, readOnly, shownBy } from "./selection.ts";
import { grid as text } from "./strings.ts";
import { Summary } from "./summary.tsx";
import { Toolbar } from "./toolbar.tsx";
import { useSaving } from "./use-saving.ts";
import { useSelection } from "./use-selection.ts";

interface Props {
  token: TokenDetailsFragment;
  categories: Categories;
}

export function Grid({ token, categories }: Props) {
  const [, go] = useLocation();
  const [filter, setFilter] = useState<Filter>({ search: "" });
  const [copying, setCopying] = useState(false);
  const { base, selected, everything, change, ...selection } = useSelection(token, categories);
  const { busy, theirs, ...saving } = useSaving(base, change);
  const unsaved = change.granted.length + change.withdrawn.length > 0;
  const visible = shownBy(everything, filter, selected);

  function continueFrom(current: TokenDetailsFragment, keys: ReadonlySet<string>): void {
    selection.startFrom(current, keys);
    saving.endConflict();
  }

  return (
    <Page title={text.title(base.name)} lead={text.lead} above={<BackToTokens />}>
      <Toolbar
        busy={busy}
        filter={filter}
        onFilter={setFilter}
        onOnlySelected={(on) => setFilter({ ...filter, only: on ? selected : undefined })}
        onReadOnly={() => selection.select(readOnly(everything, selected))}
        onNone={() => selection.select(new Set())}
        onCopy={() => setCopying(true)}
      />
      {visible.length === 0 && (
        <Empty>
          <p role="status">
            {filter.only && filter.search === "" ? text.noneSelected : text.nothingFound}
          </p>
        </Empty>
      )}
      {/* Inert while saving: a choice made then would not be saved. */}
      <div className="grid" inert={busy}>
        {visible.map((category) => (
          <Category
            key={category.name}
            category={category}
            selected={selected}
            onToggle={selection.toggle}
          />
        ))}
      </div>
      <Summary
        total={selected.size}
        change={change}
        trouble={saving.trouble}
        busy={busy}
        onCancel={() => go(paths.token(token.id))}
        onSave={() => void saving.save()}
      />
      {copying && (
        <CopyFrom
          besides={token.id}
          onClose={() => setCopying(false)}
          onCopy={(keys) => {
            selection.select(keys);
            setCopying(false);
          }}
        />
      )}
      {theirs && (
        <Conflict
          base={base}
          theirs={theirs}
          everything={everything}
          onTakeTheirs={() => continueFrom(theirs, keysOf(theirs))}
          onKeepMine={() => continueFrom(theirs, selected)}
          onClose={saving.endConflict}
        />
      )}
      <LeaveGuard unsaved={unsaved && !saving.saved} />
    </Page>
  );
}

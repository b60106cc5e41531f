// The permission grid: all permissions, those the token holds, and the changes to save.
import { useQuery } from "@tanstack/react-query";
import { useCallback, useMemo, useState } from "react";
import { Link, useLocation } from "wouter";
import {
  type CategoriesQuery,
  EditPermissionsDocument,
  type TokenDetailsFragment,
} from "../../../../generated/operations.ts";
import { categoriesQuery, tokenQuery, useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { useViewer } from "../../api/viewer.ts";
import { LeaveGuard } from "../../parts/leave-guard.tsx";
import { Loading, Page } from "../../parts/page.tsx";
import { useSay } from "../../parts/status.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import { BackToTokens } from "../back-to-tokens.tsx";
import { NoSuchToken } from "../no-such-token.tsx";
import { Category } from "./category.tsx";
import { Conflict } from "./conflict.tsx";
import { CopyFrom } from "./copy-from.tsx";
import {
  changeOf,
  type Filter,
  keysOf,
  readOnly,
  type Shown,
  shownBy,
  withRetired,
} from "./selection.ts";
import { grid as text } from "./strings.ts";
import { Summary } from "./summary.tsx";
import { Toolbar } from "./toolbar.tsx";


export function EditPermissionsPage({ id }: { id: string }) {
  const token = useQuery(tokenQuery(id));
  const categories = useQuery(categoriesQuery);
  const { mayChange } = useViewer();
  const error = token.error ?? categories.error;
  if (token.isPending || categories.isPending) return <Loading />;
  // Keep the loaded data if refetching fails: the user is working on it.
  if (token.data === undefined || categories.data === undefined) {
    const retry = (): void => void Promise.all([token.refetch(), categories.refetch()]);
    return (
      <Page title={text.pageTitle} above={<BackToTokens />}>
        <TroubleNote error={error} onRetry={retry} />
      </Page>
    );
  }
  if (!token.data || token.data.revokedAt) return <NoSuchToken />;
  if (!mayChange) return <MayNotChange token={token.data} />;
  return <Grid key={id} token={token.data} categories={categories.data} />;
}

/** Shown to a user who may not change tokens: by a shared link, or after a change of role. */
function MayNotChange({ token }: { token: TokenDetailsFragment }) {
  return (
    <Page title={text.title(token.name)} above={<BackToTokens />}>
      <p>{text.mayNotChange}</p>
      <Link href={paths.token(token.id)}>{text.view}</Link>
    </Page>
  );
}

interface Props {
  token: TokenDetailsFragment;
  categories: CategoriesQuery["permissionCategories"];
}

function Grid({ token, categories }: Props) {
  const [, go] = useLocation();
  const refresh = useRefresh();
  const say = useSay();
  /** The state that the selection started from; refetching must not change it. */
  const [base, setBase] = useState(token);
  const [selected, setSelected] = useState<ReadonlySet<string>>(() => keysOf(token));
  const [filter, setFilter] = useState<Filter>({ search: "" });
  const [copying, setCopying] = useState(false);
  const [theirs, setTheirs] = useState<TokenDetailsFragment>();
  const [outcome, setOutcome] = useState<{ trouble?: unknown; busy?: boolean; saved?: boolean }>({});
  // A choice made while saving would not be saved.
  const busy = outcome.busy ?? false;
  const everything = useMemo(() => withRetired(categories, base), [categories, base]);
  const change = changeOf(everything, keysOf(base), selected);
  const unsaved = change.granted.length + change.withdrawn.length > 0;
  const visible = shownBy(everything, filter, selected);

  const onToggle = useCallback((keys: readonly string[], on: boolean) => {
    setSelected((before) => {
      const after = new Set(before);
      for (const key of keys) on ? after.add(key) : after.delete(key);
      return after;
    });
  }, []);

  async function save(): Promise<void> {
    setOutcome({ busy: true });
    try {
      const { editPermissions: result } = await request(EditPermissionsDocument, {
        input: {
          tokenId: token.id,
          grant: change.granted.map(({ key }) => key),
          withdraw: change.withdrawn.map(({ key }) => key),
          ifRevision: base.revision,
        },
      });
      if (result.__typename === "RevisionConflict") {
        setTheirs(result.token);
        setOutcome({});
      } else if (result.__typename === "EditPermissionsPayload") {
        setOutcome({ busy: true, saved: true }); // Until the page changes.
        await refresh();
        go(paths.token(token.id));
        say(text.saved);
      } else {
        const gone = result.__typename === "NotFound";
        setOutcome({ trouble: gone ? shared.tokenGone : result.message });
      }
    } catch (error) {
      setOutcome({ trouble: error });
    }
  }

  function startFrom(current: TokenDetailsFragment, selection: ReadonlySet<string>): void {
    setBase(current);
    setSelected(known(withRetired(categories, current), selection));
    setTheirs(undefined);
  }

  return (
    <Page title={text.title(base.name)} lead={text.lead} above={<BackToTokens />}>
      <Toolbar
        busy={busy}
        filter={filter}
        onFilter={setFilter}
        onOnlySelected={(on) => setFilter({ ...filter, only: on ? selected : undefined })}
        onReadOnly={() => setSelected(readOnly(everything, selected))}
        onNone={() => setSelected(new Set())}
        onCopy={() => setCopying(true)}
      />
      {visible.length === 0 && (
        <p className="empty" role="status">
          {filter.only && filter.search === "" ? text.noneSelected : text.nothingFound}
        </p>
      )}
      <div className="grid" inert={busy}>
        {visible.map((category) => (
          <Category
            key={category.name}
            category={category}
            selected={selected}
            onToggle={onToggle}
          />
        ))}
      </div>
      <Summary
        total={selected.size}
        change={change}
        trouble={outcome.trouble}
        busy={busy}
        onCancel={() => go(paths.token(token.id))}
        onSave={() => void save()}
      />
      {copying && (
        <CopyFrom
          besides={token.id}
          onClose={() => setCopying(false)}
          onCopy={(keys) => {
            setSelected(known(everything, keys));
            setCopying(false);
          }}
        />
      )}
      {theirs && (
        <Conflict
          base={base}
          theirs={theirs}
          everything={everything}
          onTakeTheirs={() => startFrom(theirs, keysOf(theirs))}
          onKeepMine={() => startFrom(theirs, selected)}
          onClose={() => setTheirs(undefined)}
        />
      )}
      <LeaveGuard unsaved={unsaved && !outcome.saved} />
    </Page>
  );
}

/** Filters `keys` to those the token can hold: not another token's retired permissions. */
function known(everything: Shown, keys: ReadonlySet<string>): ReadonlySet<string> {
  const all = everything.flatMap((category) => category.permissions);
  return new Set(all.filter(({ key }) => keys.has(key)).map(({ key }) => key));
}

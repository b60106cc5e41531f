// Saves the changed permissions of a token, then goes to its page.
import { useState } from "react";
import { useLocation } from "wouter";
import { EditPermissionsDocument, type TokenDetailsFragment } from "../../../../generated/operations.ts";
import { useRefresh } from "../../api/queries.ts";
import { request } from "../../api/request.ts";
import { useSay } from "../../parts/status.tsx";
import { paths } from "../../paths.ts";
import { shared } from "../../strings.ts";
import type { Change, Following } from "./selection.ts";
import { grid as text } from "./strings.ts";

interface Saving {
  busy: boolean;
  saved: boolean;
  trouble: unknown;
  /** The present version; undefined without a conflict. */
  theirs: TokenDetailsFragment | undefined;
  endConflict: () => void;
  /** The token has changed, as another request than saving was told. */
  conflictWith: (current: TokenDetailsFragment) => void;
  save: () => Promise<void>;
}

/** recipe: the one that was applied; undefined for none. */
export function useSaving(
  base: TokenDetailsFragment,
  change: Change,
  following: Following,
  recipe: string | undefined,
): Saving {
  const [, go] = useLocation();
  const refresh = useRefresh();
  const say = useSay();
  const [theirs, setTheirs] = useState<TokenDetailsFragment>();
  const [outcome, setOutcome] = useState<{ trouble?: unknown; busy?: boolean; saved?: boolean }>({});

  async function save(): Promise<void> {
    setOutcome({ busy: true });
    try {
      const { editPermissions: result } = await request(EditPermissionsDocument, {
        input: {
          tokenId: base.id,
          grant: change.granted.map(({ key }) => key),
          withdraw: [...change.withdrawn.map(({ key }) => key), ...following.leftOut],
          follow: following.followed,
          unfollow: following.unfollowed,
          recipe: recipe ?? null,
          ifRevision: base.revision,
        },
      });
      if (result.__typename === "RevisionConflict") {
        setTheirs(result.token);
        setOutcome({});
      } else if (result.__typename === "EditPermissionsPayload") {
        setOutcome({ busy: true, saved: true }); // Until the page changes.
        await refresh();
        go(paths.token(base.id));
        say(text.saved);
      } else {
        const gone = result.__typename === "NotFound";
        setOutcome({ trouble: gone ? shared.tokenGone : result.message });
      }
    } catch (error) {
      setOutcome({ trouble: error });
    }
  }

  return {
    busy: outcome.busy ?? false,
    saved: outcome.saved ?? false,
    trouble: outcome.trouble,
    theirs,
    endConflict: () => setTheirs(undefined),
    conflictWith: setTheirs,
    save,
  };
}

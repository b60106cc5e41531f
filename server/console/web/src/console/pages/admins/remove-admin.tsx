// Removes an admin, after a choice of what becomes of each token that they own.
import "./remove-admin.css";
import { useInfiniteQuery } from "@tanstack/react-query";
import {
  type AdminRowFragment,
  RemovalPlanDocument,
  RemoveAdminDocument,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { formats } from "../../formats.ts";
import { LoadMore } from "../../parts/load-more.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { refused } from "../../trouble.ts";
import { ConfirmChange } from "../confirm-change.tsx";
import { AS_OTHERS, choiceOf, REVOKE, useChoices } from "./removal-choices.ts";
import { OwnedTokens } from "./owned-tokens.tsx";
import { ChoiceOfOthers } from "./removal-choice.tsx";
import { removal as text } from "./strings.ts";

interface Props {
  admin: AdminRowFragment;
  onClose: () => void;
}

export function RemoveAdmin({ admin, onClose }: Props) {
  const plan = usePlan(admin.id);
  const { data, error, isFetching, refetch } = plan;
  const choices = useChoices();
  const options = choices.optionsWithout(admin.id);

  async function remove(): Promise<string> {
    const rows = data?.rows ?? [];
    const named = rows.filter(({ token }) => choices.of(token.id) !== AS_OTHERS);
    const { removeAdmin: answer } = await request(RemoveAdminDocument, {
      input: {
        adminId: admin.id,
        plan: named.map(({ token }) => ({
          tokenId: token.id,
          ...choiceOf(choices.of(token.id)),
        })),
        others: choiceOf(choices.others),
        ifVersion: data?.version ?? null,
      },
    });
    switch (answer.__typename) {
      case "RemoveAdminPayload":
        return text.removed(
          admin.name,
          inWords(answer.revokedTokenCount),
          inWords(answer.transferredTokenCount),
        );
      case "RemovalPlanConflict":
        // The dialog stays, and shows the tokens as they are now.
        await refetch();
        throw refused({ message: text.changed });
      default:
        throw refused(answer);
    }
  }

  return (
    <ConfirmChange
      title={text.title(admin.name)}
      confirm={text.remove}
      busyLabel={text.removing}
      danger
      wide
      ready={data !== undefined && !isFetching}
      onConfirm={remove}
      onClose={onClose}
    >
      <p>{text.lead}</p>
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      {data === undefined && error === null && <p className="quiet">{shared.loading}</p>}
      {data?.tokenCount === 0 && <p>{text.none}</p>}
      {data !== undefined && data.tokenCount > 0 && (
        <>
          <p>
            <strong>{owned(data)}</strong>
          </p>
          <ChoiceOfOthers choices={choices} options={options} />
          <OwnedTokens rows={data.rows} choices={choices} options={options} />
          <LoadMore query={plan} />
          <p aria-live="polite">{outcome(data, choices)}</p>
        </>
      )}
      <p className="quiet">{text.keeps}</p>
    </ConfirmChange>
  );
}

function usePlan(adminId: string) {
  return useInfiniteQuery({
    queryKey: ["removal plan", adminId],
    queryFn: ({ pageParam }) => request(RemovalPlanDocument, { adminId, after: pageParam }),
    initialPageParam: null as string | null,
    getNextPageParam: ({ removalPlan }) =>
      removalPlan?.tokens.pageInfo.hasNextPage ? removalPlan.tokens.pageInfo.endCursor : undefined,
    select: ({ pages }) => ({
      // That of the first page: with a later one, tokens could be missing above it.
      version: pages[0]?.removalPlan?.version ?? "",
      tokenCount: pages[0]?.removalPlan?.tokenCount ?? 0,
      usedTokenCount: pages[0]?.removalPlan?.usedTokenCount ?? 0,
      rows: pages.flatMap(({ removalPlan }) => removalPlan?.tokens.edges.map(({ node }) => node) ?? []),
    }),
    // A confirmation is of what the dialog shows, and of nothing older.
    gcTime: 0,
  });
}

type Plan = NonNullable<ReturnType<typeof usePlan>["data"]>;

function inWords(count: number): string {
  return formats.count(count, shared.tokenCount);
}

function owned({ tokenCount, usedTokenCount }: Plan): string {
  return text.owned(inWords(tokenCount), formats.count(usedTokenCount, text.usedCount));
}

function outcome({ rows, tokenCount }: Plan, choices: ReturnType<typeof useChoices>): string {
  const named = rows.map(({ token }) => choices.of(token.id)).filter((one) => one !== AS_OTHERS);
  const revoked = named.filter((one) => one === REVOKE).length;
  const others = tokenCount - named.length;
  const all = revoked + (choices.others === REVOKE ? others : 0);
  return text.outcome(inWords(all), inWords(tokenCount - all));
}

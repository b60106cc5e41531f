// The effect of a policy in sentences.
import type { ShownPolicyFragment } from "../../../../generated/operations.ts";
import { MAX_COUNTED } from "../../api/queries.ts";
import { formats } from "../../formats.ts";
import { shared } from "../../strings.ts";
import type { Wanted } from "./draft.ts";
import type { Previewed } from "./previewed.ts";
import { preview as text } from "./strings.ts";

export function sentencesOf(
  present: ShownPolicyFragment,
  { policy }: Wanted,
  preview: Previewed["preview"],
): string[] {
  const { endedTokenCount: ended, shortenedTokenCount: shortened, pausedTokenCount: paused } = preview;
  const from = formats.instant(preview.effectiveFrom);
  const found = [];
  if (ended > 0) found.push(text.ended(ended, tokens(ended)));
  if (shortened > 0) found.push(text.shortened(shortened, tokens(shortened)));
  if (ended + shortened === 0) found.push(text.none);
  if (paused > 0) found.push(text.paused(paused, tokens(paused), from));
  const networks = policy.networks ?? [];
  if (networks.length > 0) found.push(text.networks(networks.join(", ")));
  else if (present.networks.length > 0) found.push(text.anywhere);
  return found;
}

/** One more than `MAX_COUNTED` stands for any more. */
function tokens(count: number): string {
  return count > MAX_COUNTED
    ? text.moreThan(formats.number(MAX_COUNTED))
    : formats.count(count, shared.tokenCount);
}

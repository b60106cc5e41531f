// Reads a token of the list, to add another one like it.
import { useQueryClient } from "@tanstack/react-query";
import { tokenQuery } from "../../api/queries.ts";
import { useSay } from "../../parts/status.tsx";
import { sentenceOf } from "../../parts/trouble.tsx";
import { shared } from "../../strings.ts";
import { copyOf, type NewToken } from "../token-dialogs/new-token.ts";

/** onRead: takes what is the same in the other token. Trouble is announced. */
export function useDuplicate(
  onRead: (given: Partial<NewToken>) => void,
): (id: string) => Promise<void> {
  const client = useQueryClient();
  const say = useSay();
  return async (id) => {
    try {
      const { token } = await client.fetchQuery(tokenQuery(id));
      if (token) onRead(copyOf(token));
      else say(shared.tokenGone);
    } catch (error) {
      say(sentenceOf(error));
    }
  };
}

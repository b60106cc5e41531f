// Confirms a change on the server, then refetches the page and announces the change.
import type { ComponentProps } from "react";
import { useRefresh } from "../api/queries.ts";
import { Confirm } from "../parts/confirm.tsx";
import { useSay } from "../parts/status.tsx";

type Props = Omit<ComponentProps<typeof Confirm>, "onConfirm"> & {
  /** Makes the change; returns the message to announce, or undefined if another dialog follows. */
  onConfirm: () => Promise<string | undefined>;
};

export function ConfirmChange({ onConfirm, ...props }: Props) {
  const refresh = useRefresh();
  const say = useSay();

  async function confirm(): Promise<void> {
    const message = await onConfirm();
    if (message === undefined) return;
    await refresh();
    props.onClose();
    say(message);
  }

  return <Confirm {...props} onConfirm={confirm} />;
}

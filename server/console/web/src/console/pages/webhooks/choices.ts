// What can be done with a webhook, as the choices of a menu.
import type { WebhookRowFragment } from "../../../../generated/operations.ts";
import type { Choice } from "../../parts/menu.tsx";
import { webhooks as text } from "./strings.ts";

/** A dialog for one webhook. */
export type WebhookDialog = "edit" | "pause" | "resume" | "test" | "replay" | "remove";

export function choicesOf(
  { state }: WebhookRowFragment,
  onOpen: (dialog: WebhookDialog) => void,
): Choice[] {
  const isActive = state === "ACTIVE";
  const test: Choice[] = [{ label: text.test, onChoose: () => onOpen("test") }];
  return [
    { label: text.edit, onChoose: () => onOpen("edit") },
    // A paused webhook refuses test events.
    ...(isActive ? test : []),
    { label: text.replay, onChoose: () => onOpen("replay") },
    isActive
      ? { label: text.pause, onChoose: () => onOpen("pause") }
      : { label: text.resume, onChoose: () => onOpen("resume") },
    { label: text.remove, onChoose: () => onOpen("remove"), danger: true },
  ];
}

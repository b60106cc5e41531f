// Tells screen readers of a change that the page noticed by itself.
import { useEffect, useRef } from "react";
import type { RotationUnderWayFragment } from "../../../../generated/operations.ts";
import { useSay } from "../../parts/status.tsx";
import { rotation as text } from "./strings.ts";

/** An end by an admin's own click is announced by its dialog, so only one by the clock is here. */
export function useAnnouncement(rotation: RotationUnderWayFragment | null): void {
  const say = useSay();
  const before = useRef(rotation);
  useEffect(() => {
    const was = before.current;
    before.current = rotation;
    if (was === null) return;
    if (rotation === null) {
      const { oldSecretEndsAt } = was;
      if (oldSecretEndsAt && Date.parse(oldSecretEndsAt) <= Date.now()) say(text.nowEnded);
    } else if (was.pickedUpAt === null && rotation.pickedUpAt !== null) {
      say(text.nowPickedUp);
    }
  }, [rotation, say]);
}

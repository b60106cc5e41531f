// The token policy: what it says, and for the owner a form that changes it.
import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { roles } from "../../../strings.ts";
import { tokenPolicyQuery } from "../../api/queries.ts";
import { useViewer } from "../../api/viewer.ts";
import { Loading, Page } from "../../parts/page.tsx";
import { TroubleNote } from "../../parts/trouble.tsx";
import { titles } from "../../strings.ts";
import { ChangePolicy } from "./change-policy.tsx";
import { PresentPolicy } from "./present-policy.tsx";
import { policy as text } from "./strings.ts";

export function PolicyPage() {
  const { isOwner } = useViewer();
  const { data: policy, error, isPending, refetch } = useQuery(tokenPolicyQuery);
  // The form starts anew from each policy that was set here, and from no other: it may be in use.
  const [timesSet, setTimesSet] = useState(0);
  useEffect(() => {
    // The pressed button is gone.
    if (timesSet > 0) document.querySelector<HTMLElement>("main h1")?.focus();
  }, [timesSet]);
  if (isPending) return <Loading />;
  return (
    <Page title={titles.policy} lead={text.lead}>
      {error !== null && <TroubleNote error={error} onRetry={() => void refetch()} />}
      {policy && <PresentPolicy policy={policy} />}
      {policy && isOwner && (
        <ChangePolicy key={timesSet} policy={policy} onSet={() => setTimesSet(timesSet + 1)} />
      )}
      {!isOwner && <p className="quiet">{text.onlyOwner(roles.OWNER.toLowerCase())}</p>}
    </Page>
  );
}

// The audit trail of the whole tenant.
import { Page } from "../../parts/page.tsx";
import { titles } from "../../strings.ts";
import { ActivityList } from "./activity-list.tsx";
import { activity as text } from "./strings.ts";

export function ActivityPage() {
  return (
    <Page title={titles.activity} lead={text.lead}>
      <ActivityList />
    </Page>
  );
}

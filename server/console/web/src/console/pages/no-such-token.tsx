// Shown if the address names no token of the tenant, or a revoked one that cannot be edited.
import { Page } from "../parts/page.tsx";
import { BackToTokens } from "./back-to-tokens.tsx";
import { noSuchToken as text } from "./strings.ts";

export function NoSuchToken() {
  return (
    <Page title={text.title} above={<BackToTokens />}>
      <p>{text.lead}</p>
    </Page>
  );
}

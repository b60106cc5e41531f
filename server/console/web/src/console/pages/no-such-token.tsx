// Shown for an address without a token that the user can see.
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

// Shown for an address without a token that the user can see.
import { strings } from "../../strings.ts";
import { Page } from "../parts/page.tsx";
import { BackToTokens } from "./back-to-tokens.tsx";

const text = strings.console.token;

export function NoSuchToken() {
  return (
    <Page title={text.notFoundTitle} above={<BackToTokens />}>
      <p>{text.notFoundLead}</p>
    </Page>
  );
}

// What is shown where an address names no token that the reader can see.
import { strings } from "../../strings.ts";
import { BackToTokens, Page } from "../parts/page.tsx";

const text = strings.console.token;

export function NoSuchToken() {
  return (
    <Page title={text.notFoundTitle} above={<BackToTokens />}>
      <p>{text.notFoundLead}</p>
    </Page>
  );
}

// In place of a page that cannot be shown: a title, what went wrong, and ways on.
import { href } from "../../base.ts";
import { paths } from "../paths.ts";
import { shared, titles } from "../strings.ts";
import { Page } from "./page.tsx";
import { failed as text } from "./strings.ts";
import { TroubleNote } from "./trouble.tsx";

export function FailedPage({ error }: { error: unknown }) {
  return (
    <Page title={text.title}>
      <TroubleNote error={error} onRetry={() => location.reload()} />
      <p>
        {/* No `Link`: the console itself may be what failed. */}
        <a href={href(paths.tokens)}>{shared.goTo(titles.tokens)}</a>
      </p>
    </Page>
  );
}

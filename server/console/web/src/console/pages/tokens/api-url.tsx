// The URL of the tenant's API, which the tokens are for: on the first day in a box, later in a line.
import "./api-url.css";
import type { Viewer } from "../../api/viewer.ts";
import { CopyButton } from "../../parts/copy.tsx";
import { FirstRequest, isFirstDay } from "../first-request.tsx";
import { tokens as text } from "./strings.ts";

export function ApiUrl({ tenant }: Pick<Viewer, "tenant">) {
  const { apiUrl, docsUrl, firstTokenAt } = tenant;
  if (apiUrl === null) return null;
  if (isFirstDay(firstTokenAt)) return <FirstRequest apiUrl={apiUrl} docsUrl={docsUrl} />;
  return (
    <section className="api-url" aria-labelledby="api-url">
      <h2 id="api-url">{text.apiUrl}</h2>
      <code>{apiUrl}</code>
      <CopyButton value={apiUrl} label={text.copyUrl} className="button small" />
    </section>
  );
}

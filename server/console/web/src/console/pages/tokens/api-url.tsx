// The URL of the tenant's API, which the tokens are for.
import "./api-url.css";
import { CopyButton } from "../../parts/copy.tsx";
import { tokens as text } from "./strings.ts";

export function ApiUrl({ url }: { url: string }) {
  return (
    <section className="api-url" aria-labelledby="api-url">
      <div>
        <h2 id="api-url">{text.apiUrl}</h2>
        <code>{url}</code>
      </div>
      <CopyButton value={url} label={text.copyUrl} />
    </section>
  );
}

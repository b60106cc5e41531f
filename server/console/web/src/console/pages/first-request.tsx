// How to call the API with a token that is new: the API's URL, a command, and the documentation.
import "./first-request.css";
import { CopyButton } from "../parts/copy.tsx";
import { firstRequest as text } from "./strings.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

interface Endpoint {
  method: string;
  path: string;
}

interface Props {
  apiUrl: string;
  docsUrl: string | null;
  /** The endpoints that the token may call; without any, no command is shown. */
  endpoints?: readonly Endpoint[];
}

export function FirstRequest({ apiUrl, docsUrl, endpoints = [] }: Props) {
  const command = commandOf(apiUrl, endpoints);
  return (
    <section className="first-request" aria-labelledby="first-request">
      <h2 id="first-request">{text.title}</h2>
      <div className="copied-line">
        <code>{apiUrl}</code>
        <CopyButton value={apiUrl} label={text.copyUrl} />
      </div>
      {command !== undefined && (
        <div className="copied-line">
          <code>{command}</code>
          <CopyButton value={command} label={text.copyCommand} />
        </div>
      )}
      {command !== undefined && <p className="hint">{text.secretIn}</p>}
      {docsUrl !== null && (
        <p>
          <a href={docsUrl} target="_blank" rel="noreferrer">
            {text.docs}
          </a>
        </p>
      )}
    </section>
  );
}

/** Whether less than a day has passed. */
export function isFirstDay(since: string | null): boolean {
  return since !== null && Date.now() - Date.parse(since) < DAY_MS;
}

/** A command for the endpoint that needs least: one that reads, without parameters, if there is one. */
function commandOf(apiUrl: string, endpoints: readonly Endpoint[]): string | undefined {
  const reading = endpoints.filter(({ method }) => method === "GET");
  const endpoint = reading.find(({ path }) => !path.includes("{")) ?? reading[0] ?? endpoints[0];
  if (endpoint === undefined) return undefined;
  const method = endpoint.method === "GET" ? "" : `-X ${endpoint.method} `;
  const url = `${apiUrl}${endpoint.path}`.replaceAll("'", "'\\''");
  return `curl ${method}-H "Authorization: Bearer $TOKEN" '${url}'`;
}

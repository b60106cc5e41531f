// A form that asks what a request with the token would be answered, and the steps of the answer.
import "./check-request.css";
import { useState } from "react";
import {
  ExplainDocument,
  type ExplainQuery,
  type TokenDetailsFragment,
} from "../../../../generated/operations.ts";
import { request } from "../../api/request.ts";
import { BusyButton } from "../../parts/busy-button.tsx";
import { Field } from "../../parts/field.tsx";
import { missing } from "../../parts/field-problems.ts";
import { Problem } from "../../parts/problem.tsx";
import { sentenceOf } from "../../parts/trouble.tsx";
import { useForm } from "../../parts/use-form.ts";
import { refused } from "../../trouble.ts";
import { Decision } from "./decision.tsx";
import { check as text } from "./strings.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

interface Asked {
  method: string;
  url: string;
  address: string;
}

type Explanation = NonNullable<ExplainQuery["explain"]>;

export function CheckRequest({ token }: { token: TokenDetailsFragment }) {
  const [asked, setAsked] = useState<Asked>({
    method: token.permissions[0]?.method ?? "GET",
    url: "",
    address: token.lastUsedFrom ?? "",
  });
  const [found, setFound] = useState<Explanation>();
  const { busy, trouble, problemOf, onSubmit } = useForm(async () => {
    setFound(undefined);
    const problems = [
      ...missing("url", asked.url, text.missingUrl),
      ...missing("address", asked.address, text.missingAddress),
    ];
    if (problems.length > 0) return problems;
    const trimmed = { url: asked.url.trim(), address: asked.address.trim() };
    const { explain } = await request(ExplainDocument, { ...asked, ...trimmed, id: token.id });
    if (!explain) throw refused({ message: text.gone });
    setFound(explain);
    return undefined;
  });
  const change = (changed: Partial<Asked>): void => setAsked({ ...asked, ...changed });
  return (
    <section aria-labelledby="check">
      <h2 id="check">{text.title}</h2>
      <p className="quiet">{text.lead}</p>
      <form className="check-form" onSubmit={onSubmit} aria-busy={busy} noValidate>
        <Field label={text.method}>
          {(field) => (
            <select
              {...field}
              value={asked.method}
              onChange={(event) => change({ method: event.target.value })}
            >
              {METHODS.map((method) => (
                <option key={method}>{method}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label={text.url} hint={text.urlHint} problem={problemOf("url")}>
          {(field) => (
            <input
              {...field}
              required
              spellCheck={false}
              value={asked.url}
              onChange={(event) => change({ url: event.target.value })}
            />
          )}
        </Field>
        <Field label={text.address} problem={problemOf("address")}>
          {(field) => (
            <input
              {...field}
              required
              spellCheck={false}
              value={asked.address}
              onChange={(event) => change({ address: event.target.value })}
            />
          )}
        </Field>
        <BusyButton type="submit" className="button primary" busy={busy}>
          {busy ? text.checking : text.check}
        </BusyButton>
      </form>
      {trouble !== undefined && <Problem>{sentenceOf(trouble)}</Problem>}
      {/* Present before the answer, so that screen readers announce it. */}
      <div role="status" className="check-result">{found && <Decision token={token} found={found} />}</div>
    </section>
  );
}

// The GraphiQL page: GraphiQL as it is published, with this server's API, storage and examples.
import "graphiql/style.css";
import "../theme.css";
import "./page.css";
import { useEditorContext } from "@graphiql/react";
import { GraphiQL } from "graphiql";
import { useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";
import { base, href } from "../base.ts";
import { goToSignIn, readSession, type Session } from "../session.ts";
import { ExampleMenu } from "./example-menu.tsx";
import { idsAfter } from "./example-tokens.ts";
import { type Example, exampleTabs, menuExamples, readKeys, TOKEN_PLACEHOLDER } from "./examples.ts";
import { SetUpEditors } from "./editors.ts";
import { createFetcher } from "./fetcher.ts";
import { Header } from "./header.tsx";
import { prettify } from "./prettify.ts";
import { createStorage, keepExampleTokens, readExampleTokens } from "./storage.ts";
import { editorIsThere } from "./usable.ts";

interface Created {
  data?: { createToken?: { token?: { id?: string } } } | null;
}

/** Writes the id of the newly created token into the examples that use it. */
function FillTokenId({ tokenId }: { tokenId: string | undefined }) {
  const { variableEditor: editor, activeTabIndex: tab } = useEditorContext({ nonNull: true });
  useEffect(() => {
    const variables = editor?.getValue() ?? "";
    if (editor && tokenId !== undefined && variables.includes(TOKEN_PLACEHOLDER)) {
      editor.setValue(variables.replaceAll(TOKEN_PLACEHOLDER, tokenId));
    }
  }, [editor, tab, tokenId]);
  return null;
}

/** Lets the schema be loaded once the editor for operations is there. */
function LoadTheSchema() {
  const { queryEditor } = useEditorContext({ nonNull: true });
  useEffect(() => {
    if (queryEditor) editorIsThere();
  }, [queryEditor]);
  return null;
}

/** The query that a link gives, and its variables, as JSON. It is shown, and runs when asked to. */
function linkedQuery(): Example | undefined {
  const params = new URLSearchParams(location.search);
  const query = params.get("query");
  const variables = params.get("variables");
  return query ? { query, ...(variables && { variables }) } : undefined;
}

const linked = linkedQuery();

function Page({ session, keys }: { session: Session | undefined; keys: readonly string[] }) {
  // First, for it deletes what another account left in this browser tab.
  const storage = useMemo(
    () => createStorage(session ? `${base}/${session.tenant.slug}/${session.admin.email}` : ""),
    [session],
  );
  const [tokenId, setTokenId] = useState<string>();
  const [made, setMade] = useState(readExampleTokens);
  useEffect(() => keepExampleTokens(made), [made]);
  const fetcher = useMemo(
    () =>
      createFetcher((result, variables) => {
        const id = (result as Created).data?.createToken?.token?.id;
        if (id !== undefined) setTokenId(id);
        setMade((ids) => idsAfter(ids, variables as object, result as object));
      }),
    [],
  );
  const tabs = useMemo(() => exampleTabs(keys), [keys]);
  const menu = useMemo(() => menuExamples(keys, made), [keys, made]);
  return (
    <>
      <Header session={session} />
      <main>
        <GraphiQL
          fetcher={fetcher}
          storage={storage}
          // A link's query opens in a tab of its own, beside those of before.
          defaultTabs={linked ? [linked, ...tabs] : tabs}
          {...(linked && { query: linked.query })}
          {...(linked?.variables && { variables: linked.variables })}
          defaultEditorToolsVisibility="variables"
          // The session is a cookie: no header has to be written or stored.
          isHeadersEditorEnabled={false}
          shouldPersistHeaders={false}
          onPrettifyQuery={prettify}
        >
          <GraphiQL.Logo>
            <ExampleMenu examples={menu} tokenId={tokenId} />
          </GraphiQL.Logo>
          <FillTokenId tokenId={tokenId} />
          <SetUpEditors />
          <LoadTheSchema />
        </GraphiQL>
      </main>
    </>
  );
}

async function start(): Promise<void> {
  const root = document.getElementById("root");
  if (root === null) throw new Error("graphiql.html has no #root");
  const [session, keys] = await Promise.all([readSession().catch(() => undefined), readKeys()]);
  if (session === null) return goToSignIn(href("/graphiql") + location.search);
  createRoot(root).render(<Page session={session} keys={keys} />);
}

// The browser may restore this page from its cache, after a sign-out and with a secret on it.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

void start();

// GraphiQL's documentation of the schema, loaded after the editor can be used. vite.config.ts gives
// it to GraphiQL in place of the component itself.
import { type ComponentType, lazy, Suspense } from "react";

let loaded: ComponentType | undefined;

export async function loadDocExplorer(): Promise<{ default: ComponentType }> {
  loaded = (await import("../../node_modules/@graphiql/plugin-doc-explorer/dist/components/doc-explorer.js")).DocExplorer;
  return { default: loaded };
}

const Loading = lazy(loadDocExplorer);

export function DocExplorer() {
  // Without waiting, once it is there: GraphiQL's shortcut focuses its search in the next frame.
  if (loaded !== undefined) {
    const Loaded = loaded;
    return <Loaded />;
  }
  return (
    <Suspense>
      <Loading />
    </Suspense>
  );
}

// Monaco's workers, as files of their own on this server. Not graphiql/setup-workers/vite: it writes
// a line to the browser's console for every worker that it starts. They wait until the editor is there.
import type { Environment } from "monaco-editor";
import EditorWorker from "monaco-editor/esm/vs/editor/editor.worker.js?worker";
import JsonWorker from "monaco-editor/esm/vs/language/json/json.worker.js?worker";
import GraphQLWorker from "monaco-graphql/esm/graphql.worker.js?worker";
import { usable } from "./usable.ts";

const MonacoEnvironment: Environment = {
  async getWorker(_id, label) {
    await usable;
    if (label === "json") return new JsonWorker();
    if (label === "graphql") return new GraphQLWorker();
    return new EditorWorker();
  },
};

Object.assign(globalThis, { MonacoEnvironment });

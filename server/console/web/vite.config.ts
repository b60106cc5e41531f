// How the pages are built. `python -m server.console.build` runs this; nothing else has to.
import { defineConfig, type Plugin } from "vite";
import { shared } from "./src/console/strings.ts";
import { graphiql } from "./src/graphiql/strings.ts";
import { invitation } from "./src/invitation/strings.ts";
import { signIn } from "./src/sign-in/strings.ts";
import { common, notFound, password, session } from "./src/strings.ts";

const TEXTS = { common, console: shared, graphiql, invitation, notFound, password, session, signIn };

/** Fills `{{signIn.title}}` in the pages' HTML, so that their texts are in the strings.ts files only. */
function stringsInPages(): Plugin {
  const find = (path: string): string => {
    let found: unknown = TEXTS;
    for (const key of path.split(".")) found = (found as Record<string, unknown>)[key];
    if (typeof found !== "string") throw new Error(`no strings.ts has the text "${path}"`);
    return found.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
  };
  return {
    name: "strings-in-pages",
    transformIndexHtml: (html) => html.replace(/\{\{([\w.]+)\}\}/g, (_, path: string) => find(path)),
  };
}

/** The layers of the console's CSS: a rule of a later layer wins. */
const LAYERS = ["base", "parts", "pages"];
const LAYER_OF_FOLDER: Record<string, string> = { styles: "base", parts: "parts" };

/**
 * Puts each CSS file of the console into the layer of its folder. Pages are loaded when they are
 * visited and bring CSS files: the order of loading must not decide which rule wins.
 */
function cssLayers(): Plugin {
  return {
    name: "css-layers",
    enforce: "pre",
    transform: (code, id) => {
      const folder = /\/src\/console\/([\w-]+)\/(?:.*\/)?[\w-]+\.css$/.exec(id)?.[1];
      if (folder === undefined) return null;
      const layer = LAYER_OF_FOLDER[folder] ?? "pages";
      return `@layer ${LAYERS.join(", ")};\n@layer ${layer} {\n${code}}\n`;
    },
  };
}

interface Replacement {
  /** The files that import it. */
  importer: RegExp;
  /** What they import, as they write it. */
  source: RegExp;
  /** The file that they get, from the folder of this one. */
  by: string;
}

/** What GraphiQL loads less of, and later, than its packages do by themselves. */
const REPLACEMENTS: Replacement[] = [
  {
    importer: /\/(@graphiql\/react|monaco-graphql)\//,
    source: /^(monaco-graphql\/esm|\.)\/monaco-editor(\.js)?$/,
    by: "/src/graphiql/monaco.ts",
  },
  {
    importer: /\/monaco-editor\/.*\/standalone\/browser\/standalone(Code)?Editor\.js$/,
    source: /\/(diffEditorWidget|multiDiffEditorWidget)\.js$/,
    by: "/src/graphiql/no-diff-editors.ts",
  },
  {
    importer: /\/plugin-doc-explorer\/dist\/context\.js$/,
    source: /\/components\/doc-explorer\.js$/,
    by: "/src/graphiql/doc-explorer.tsx",
  },
];

/** Applies REPLACEMENTS. One that nothing imports any more, as after an update, fails the build. */
function replacements(): Plugin {
  const unused = new Set(REPLACEMENTS);
  return {
    name: "replacements",
    apply: "build",
    enforce: "pre",
    resolveId(source, importer = "") {
      const found = REPLACEMENTS.find((r) => r.source.test(source) && r.importer.test(importer));
      if (found === undefined) return null;
      unused.delete(found);
      return this.resolve(found.by, undefined, { skipSelf: true });
    },
    buildEnd(error) {
      const [first] = unused;
      if (error || first === undefined) return;
      throw new Error(`no file imports ${first.source} any more: look at REPLACEMENTS`);
    },
  };
}

/** The place of the path below which the server is reached; routes.py writes it into the pages. */
const BASE = "__BASE__";

export default defineConfig({
  // Files find each other by relative addresses, so that one build serves any path.
  base: "./",
  experimental: {
    // A page is served at addresses of any depth. routes.py serves the built folder's "hashed" part
    // under this address, and only that part.
    renderBuiltUrl: (file, { hostType }) =>
      hostType === "html" ? `${BASE}/assets/${file}` : { relative: true },
  },
  plugins: [stringsInPages(), cssLayers(), replacements()],
  build: {
    assetsDir: "hashed",
    // Nothing as a data: address, so that the Content-Security-Policy need not allow any.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 5000, // Monaco is one large file; only the GraphiQL page loads it.
    reportCompressedSize: false,
    license: { fileName: "licences.md" },
    rolldownOptions: {
      input: ["index.html", "graphiql.html", "sign-in.html", "invitation.html", "not-found.html"],
      // "use client" in libraries means nothing here, and there are hundreds of them.
      checks: { moduleLevelDirective: false },
    },
  },
});

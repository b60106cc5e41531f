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

/**
 * Leaves out the fonts of GraphiQL's style sheet: page.css names others, and these are data: addresses,
 * which the page may not load. A style sheet without fonts, as after an update, fails the build.
 */
function withoutFonts(): Plugin {
  const font = /@font-face\s*\{[^}]*\}/g;
  return {
    name: "without-fonts",
    enforce: "pre",
    transform: (code, id) => {
      if (!id.includes("/graphiql/dist/style.css")) return null;
      const rest = code.replaceAll(font, "");
      if (rest === code) throw new Error("GraphiQL's style sheet has no fonts: remove withoutFonts");
      return rest;
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
  plugins: [stringsInPages(), cssLayers(), withoutFonts()],
  build: {
    assetsDir: "hashed",
    // Nothing as a data: address, so that the Content-Security-Policy need not allow any.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    license: { fileName: "licences.md" },
    rolldownOptions: {
      input: ["index.html", "graphiql.html", "sign-in.html", "invitation.html", "not-found.html"],
      // "use client" in libraries means nothing here, and there are hundreds of them.
      checks: { moduleLevelDirective: false },
    },
  },
});

// What this page sets of GraphiQL's editors (CodeMirror).
import { useEditorContext } from "@graphiql/react";
import { useEffect } from "react";
import { graphiql as text } from "./strings.ts";

/** Moves the focus, instead of keeping it in the editor. Ctrl-] and Ctrl-[ indent. */
const KEYS = { Tab: false, "Shift-Tab": false } as const;

/** Wraps long lines, names the editors for screen readers, and lets Tab leave them. */
export function SetUpEditors() {
  const { queryEditor, variableEditor, responseEditor } = useEditorContext({ nonNull: true });
  useEffect(() => {
    for (const [editor, name] of [
      [queryEditor, text.operation],
      [variableEditor, text.variables],
      [responseEditor, text.answer],
    ] as const) {
      editor?.setOption("lineWrapping", true);
      editor?.setOption("screenReaderLabel", name);
      editor?.addKeyMap(KEYS);
    }
  }, [queryEditor, variableEditor, responseEditor]);
  return null;
}

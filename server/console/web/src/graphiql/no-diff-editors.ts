// In place of Monaco's editors for comparing two texts, which GraphiQL never opens.

class Unavailable {
  constructor() {
    throw new Error("This page has no editor for comparing texts.");
  }
}

export { Unavailable as DiffEditorWidget, Unavailable as MultiDiffEditorWidget };

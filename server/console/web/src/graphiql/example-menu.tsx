// The menu of examples beside GraphiQL's tabs. Each opens in a tab of its own.
import "./example-menu.css";
import { DropdownMenu, useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect } from "react";
import { type Example, nameOf, TOKEN_PLACEHOLDER } from "./examples.ts";
import { graphiql as text } from "./strings.ts";

interface Props {
  examples: readonly Example[];
  /** The token that was created last; undefined before. */
  tokenId: string | undefined;
}

export function ExampleMenu({ examples, tokenId }: Props) {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor, tab, title } = useGraphiQL((state) => ({
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
    tab: state.activeTabIndex,
    title: state.tabs[state.activeTabIndex]?.title,
  }));
  // GraphiQL leaves a tab that it adds beyond the end of the row; its title comes later.
  useEffect(() => {
    document.querySelector(".graphiql-tab-active")?.scrollIntoView({ inline: "nearest" });
  }, [tab, title]);

  function open({ query, variables = "" }: Example): void {
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables.replaceAll(TOKEN_PLACEHOLDER, tokenId ?? TOKEN_PLACEHOLDER));
  }

  return (
    <DropdownMenu>
      <DropdownMenu.Button className="examples-button">{text.examples}</DropdownMenu.Button>
      <DropdownMenu.Content align="end" className="examples-menu">
        {examples.map((example) => (
          <DropdownMenu.Item key={nameOf(example)} onSelect={() => open(example)}>
            {nameOf(example)}
          </DropdownMenu.Item>
        ))}
      </DropdownMenu.Content>
    </DropdownMenu>
  );
}

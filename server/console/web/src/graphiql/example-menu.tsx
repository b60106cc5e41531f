// The menu of examples beside GraphiQL's tabs. Each opens in a tab of its own.
import "./example-menu.css";
import { DropdownMenu, useEditorContext } from "@graphiql/react";
import { useEffect } from "react";
import { type Example, nameOf, TOKEN_PLACEHOLDER } from "./examples.ts";
import { graphiql as text } from "./strings.ts";

interface Props {
  examples: readonly Example[];
  /** The token that was created last; undefined before. */
  tokenId: string | undefined;
}

export function ExampleMenu({ examples, tokenId }: Props) {
  const { addTab, queryEditor, variableEditor, tabs, activeTabIndex } = useEditorContext({ nonNull: true });
  const title = tabs[activeTabIndex]?.title;
  // GraphiQL leaves a tab that it adds beyond the end of the row; its title comes later.
  useEffect(() => {
    document.querySelector(".graphiql-tab-active")?.scrollIntoView({ inline: "nearest" });
  }, [activeTabIndex, title]);

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

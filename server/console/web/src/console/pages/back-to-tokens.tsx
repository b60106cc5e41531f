// The link above a token's pages, back to the list of tokens.
import { Link } from "wouter";
import { strings } from "../../strings.ts";
import { Icon } from "../parts/icon.tsx";
import { paths } from "../paths.ts";

export function BackToTokens() {
  return (
    <Link href={paths.tokens} className="back">
      <Icon name="back" />
      {strings.console.tokens.title}
    </Link>
  );
}

// The link above a token's pages, back to the list of tokens.
import "./back-to-tokens.css";
import { Link } from "wouter";
import { Icon } from "../parts/icon.tsx";
import { paths } from "../paths.ts";
import { titles } from "../strings.ts";

export function BackToTokens() {
  return (
    <Link href={paths.tokens} className="back">
      <Icon name="back" />
      {titles.tokens}
    </Link>
  );
}

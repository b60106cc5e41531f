// The link above a token's pages, back to where the reader was in the list of tokens.
import "./back-to-tokens.css";
import { Link } from "wouter";
import { Icon } from "../parts/icon.tsx";
import { titles } from "../strings.ts";
import { leaveToken, listAddress } from "./list-place.ts";

export function BackToTokens({ from }: { from?: string }) {
  return (
    <Link href={listAddress()} className="back" onClick={() => leaveToken(from)}>
      <Icon name="back" />
      {titles.tokens}
    </Link>
  );
}

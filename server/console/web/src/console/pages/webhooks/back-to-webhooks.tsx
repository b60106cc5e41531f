// The link above a webhook's page, back to the list of webhooks.
import "../back-to-tokens.css";
import { Link } from "wouter";
import { Icon } from "../../parts/icon.tsx";
import { paths } from "../../paths.ts";
import { titles } from "../../strings.ts";

export function BackToWebhooks() {
  return (
    <Link href={paths.webhooks} className="back">
      <Icon name="back" />
      {titles.webhooks}
    </Link>
  );
}

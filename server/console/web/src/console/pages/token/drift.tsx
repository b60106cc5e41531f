// The recipe that a token was made from, and how what it holds differs from it.
import { Link } from "wouter";
import type { TokenDetailsFragment } from "../../../../generated/operations.ts";
import { useViewer } from "../../api/viewer.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { ChangedPermissions } from "../../parts/permission-changes.tsx";
import { paths } from "../../paths.ts";
import { token as text } from "./strings.ts";

interface Props {
  token: TokenDetailsFragment;
  recipe: NonNullable<TokenDetailsFragment["recipe"]>;
}

export function Drift({ token, recipe }: Props) {
  const { mayChange } = useViewer();
  const { recipe: now, missing, beyond } = recipe;
  const isSame = now !== null && missing.length + beyond.length === 0;
  const isNewer = now !== null && now.version !== recipe.version;
  const lead = [
    text.madeFrom(now?.name ?? recipe.slug, formats.number(recipe.version)),
    now === null && text.recipeGone,
    isNewer && text.recipeNow(formats.number(now.version)),
    isSame && text.asRecipe,
  ]
    .filter(Boolean)
    .join(" ");
  if (isSame && !isNewer) return <p className="quiet">{lead}</p>;
  return (
    <Note>
      <p>{lead}</p>
      <ChangedPermissions title={text.missing} permissions={missing} />
      <ChangedPermissions title={text.beyond} permissions={beyond} />
      {mayChange && now !== null && !token.revokedAt && (
        <Link href={`${paths.editPermissions(token.id)}?recipe=${recipe.slug}`}>
          {text.compare}
        </Link>
      )}
    </Note>
  );
}

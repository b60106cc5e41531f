// The choice of a recipe for a new token, and the reasons of its permissions.
import type { ShownRecipeFragment } from "../../../../generated/operations.ts";
import { isolated } from "../../../isolated.ts";
import { formats } from "../../formats.ts";
import { Field } from "../../parts/field.tsx";
import { PermissionLine } from "../../parts/permission.tsx";
import { addToken as text } from "./strings.ts";

interface Props {
  recipes: readonly ShownRecipeFragment[];
  chosen: ShownRecipeFragment | undefined;
  problem: string | undefined;
  onChange: (slug: string) => void;
}

export function RecipeField({ recipes, chosen, problem, onChange }: Props) {
  return (
    <>
      <Field label={text.recipe} hint={text.recipeHint} problem={problem}>
        {(field) => (
          <select
            {...field}
            value={chosen?.slug ?? ""}
            onChange={(event) => onChange(event.target.value)}
          >
            <option value="">{text.noRecipe}</option>
            {recipes.map(({ slug, name }) => (
              <option key={slug} value={slug}>
                {isolated(name)}
              </option>
            ))}
          </select>
        )}
      </Field>
      {chosen && (
        <details open>
          <summary>{formats.count(chosen.permissions.length, text.reasons)}</summary>
          <p className="hint" dir="auto">{chosen.description}</p>
          <ul className="permission-list">
            {chosen.permissions.map(({ permission, why }) => (
              <li key={permission.key}>
                <PermissionLine permission={permission} />
                <p className="hint" dir="auto">{why}</p>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}

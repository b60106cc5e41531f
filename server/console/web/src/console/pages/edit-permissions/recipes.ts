// What a recipe selects in the grid, and why.
import type { ShownRecipeFragment } from "../../../../generated/operations.ts";

/** The keys that the API has. */
export function keysOfRecipe(recipe: ShownRecipeFragment): ReadonlySet<string> {
  const present = recipe.permissions.filter(({ permission }) => !permission.retired);
  return new Set(present.map(({ permission }) => permission.key));
}

export function reasonsOf(recipe: ShownRecipeFragment | undefined): ReadonlyMap<string, string> {
  const permissions = recipe?.permissions ?? [];
  return new Map(permissions.map(({ permission, why }) => [permission.key, why]));
}

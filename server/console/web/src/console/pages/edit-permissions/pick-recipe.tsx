// Chooses a recipe, to select its permissions.
import "./copy-from.css";
import type { ShownRecipeFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Dialog, DialogActions } from "../../parts/dialog.tsx";
import { Isolated } from "../../parts/isolated.tsx";
import { shared } from "../../strings.ts";
import { recipe as text } from "./strings.ts";

interface Props {
  recipes: readonly ShownRecipeFragment[];
  onPick: (recipe: ShownRecipeFragment) => void;
  onClose: () => void;
}

export function PickRecipe({ recipes, onPick, onClose }: Props) {
  return (
    <Dialog title={text.title} onDismiss={onClose} narrow>
      <p>{text.lead}</p>
      <ul className="pick-list">
        {recipes.map((recipe) => (
          <li key={recipe.slug}>
            <button type="button" onClick={() => onPick(recipe)}>
              <Isolated>{recipe.name}</Isolated>
              <span className="quiet">
                {formats.count(recipe.permissions.length, text.permissions)}
              </span>
            </button>
          </li>
        ))}
      </ul>
      <DialogActions>
        <button type="button" className="button" data-autofocus onClick={onClose}>
          {shared.cancel}
        </button>
      </DialogActions>
    </Dialog>
  );
}

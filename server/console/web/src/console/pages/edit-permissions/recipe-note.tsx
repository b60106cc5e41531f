// The recipe that is applied: what it is, and how many of the permissions it needs.
import "./recipe-note.css";
import type { ShownRecipeFragment } from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Note } from "../../parts/note.tsx";
import { keysOfRecipe } from "./recipes.ts";
import { recipe as text } from "./strings.ts";

interface Props {
  recipe: ShownRecipeFragment;
  onOnly: () => void;
  onDrop: () => void;
}

export function RecipeNote({ recipe, onOnly, onDrop }: Props) {
  const lacking = recipe.permissions.length - keysOfRecipe(recipe).size;
  return (
    <Note>
      <p>
        <strong>{text.needs(recipe.name, formats.number(keysOfRecipe(recipe).size))}</strong>
        <span className="quiet"> · {text.by(recipe.vendor, formats.number(recipe.version))}</span>
      </p>
      <p dir="auto">{recipe.description}</p>
      {lacking > 0 && <p>{text.lacking(formats.count(lacking, text.permissions))}</p>}
      <div className="recipe-actions">
        <button type="button" className="button" onClick={onOnly}>
          {text.only}
        </button>
        <button type="button" className="button" onClick={onDrop}>
          {text.drop}
        </button>
      </div>
    </Note>
  );
}

// The permission grid: all permissions, those the token holds, and the changes to save.
import "./grid.css";
import { useDeferredValue, useMemo, useState } from "react";
import { useLocation } from "wouter";
import type {
  ShownRecipeFragment,
  TokenDetailsFragment,
} from "../../../../generated/operations.ts";
import { formats } from "../../formats.ts";
import { Empty } from "../../parts/empty.tsx";
import { LeaveGuard } from "../../parts/leave-guard.tsx";
import { Note } from "../../parts/note.tsx";
import { Page } from "../../parts/page.tsx";
import { useSay } from "../../parts/status.tsx";
import { paths } from "../../paths.ts";
import { BackToTokens } from "../back-to-tokens.tsx";
import { Preview } from "../right-size/preview.tsx";
import { rightSize } from "../right-size/strings.ts";
import type { Suggestion } from "../right-size/suggestion.ts";
import { StartTrial } from "../trial/start-trial.tsx";
import { startTrial } from "../trial/strings.ts";
import { Category } from "./category.tsx";
import { Conflict } from "./conflict.tsx";
import { CopyFrom } from "./copy-from.tsx";
import { PickRecipe } from "./pick-recipe.tsx";
import { RecipeNote } from "./recipe-note.tsx";
import { keysOfRecipe, reasonsOf } from "./recipes.ts";
import { type Categories, type Filter, keysOf, shownBy, withReadOnly } from "./selection.ts";
import { grid as text } from "./strings.ts";
import { Summary } from "./summary.tsx";
import { Toolbar } from "./toolbar.tsx";
import { useFolds } from "./use-folds.ts";
import { useSaving } from "./use-saving.ts";
import { useSelection } from "./use-selection.ts";

interface Props {
  token: TokenDetailsFragment;
  categories: Categories;
  recipes: readonly ShownRecipeFragment[];
  /** The slug of the recipe that a link asks for. */
  asked: string | undefined;
  /** Ticked at first, with its reasons. */
  suggestion?: Suggestion | undefined;
}

const NO_MARKS: ReadonlyMap<string, string> = new Map();

export function Grid({ token, categories, recipes, asked, suggestion }: Props) {
  const [, go] = useLocation();
  const say = useSay();
  const [filter, setFilter] = useState<Filter>({ search: "" });
  const [dialog, setDialog] = useState<"copy" | "recipe">();
  const [recipe, setRecipe] = useState(() => recipes.find(({ slug }) => slug === asked));
  const { base, selected, everything, change, following, ...selection } = useSelection(
    token,
    categories,
    recipe,
    suggestion?.keys,
  );
  const { busy, theirs, ...saving } = useSaving(base, change, following, recipe?.slug);
  const reasons = useMemo(() => reasonsOf(recipe), [recipe]);
  const isRecipeNew =
    recipe !== undefined &&
    (recipe.slug !== base.recipe?.slug || recipe.version !== base.recipe.version);
  const unsaved = [
    change.granted,
    change.withdrawn,
    following.followed,
    following.unfollowed,
  ].some((list) => list.length > 0);
  const [trying, setTrying] = useState<"asked" | "started">();
  const mayTry = base.trial === null && change.withdrawn.length > 0;
  // The choices of thousands of endpoints are drawn after what was typed.
  const visible = shownBy(everything, useDeferredValue(filter), selected);
  const before = useMemo(() => keysOf(base), [base]);
  const folds = useFolds(visible);
  const changed = [...change.granted, ...change.withdrawn].map(({ key }) => key);

  function addReadOnly(): void {
    const { keys, leftOut } = withReadOnly(everything, selected);
    selection.select(keys);
    if (leftOut > 0) say(text.leftOut(formats.count(leftOut, text.sensitive)));
  }

  function continueFrom(current: TokenDetailsFragment, keys: ReadonlySet<string>): void {
    selection.startFrom(current, keys);
    saving.endConflict();
  }

  /** Following grants the whole category too. */
  function followOf(name: string): ((on: boolean) => void) | undefined {
    const category = categories.find((one) => one.name === name);
    if (category === undefined) return undefined;
    return (on) => {
      selection.follow(name, on);
      if (on) selection.toggle(category.permissions.map(({ key }) => key), true);
    };
  }

  return (
    <Page title={text.title(base.name)} lead={text.lead} above={<BackToTokens from={token.id} />}>
      {suggestion && <Note>{rightSize.ticked(suggestion.days)}</Note>}
      <Toolbar
        busy={busy}
        filter={filter}
        onFilter={setFilter}
        onOnlySelected={(on) => setFilter({ ...filter, only: on ? selected : undefined })}
        onOnlyChanges={
          changed.length > 0 || filter.changed
            ? (on) => setFilter({ ...filter, changed: on ? new Set(changed) : undefined })
            : undefined
        }
        isFolded={folds.isFolded}
        onFold={folds.foldAll}
        onReadOnly={addReadOnly}
        onNone={() => selection.select(new Set())}
        onCopy={() => setDialog("copy")}
        onRecipe={recipes.length > 0 ? () => setDialog("recipe") : undefined}
      />
      {base.trial !== null && (
        <Note>
          <p>{startTrial.underWay}</p>
        </Note>
        )}
      {recipe && (
        <RecipeNote
          recipe={recipe}
          onOnly={() => selection.select(keysOfRecipe(recipe))}
          onDrop={() => setRecipe(undefined)}
        />
      )}
      {visible.length === 0 && (
        <Empty>
          <p role="status">
            {filter.only && filter.search === "" ? text.noneSelected : text.nothingFound}
          </p>
        </Empty>
      )}
      {/* Inert while saving: a choice made then would not be saved. */}
      <div className="grid" inert={busy}>
        {visible.map((category) => (
          <Category
            key={category.name}
            category={category}
            selected={selected}
            before={before}
            isOpen={folds.isOpen(category.name)}
            onOpen={(open) => folds.open(category.name, open)}
            reasons={reasons}
            isFollowed={selection.follows.has(category.name)}
            marks={suggestion?.rhythms ?? NO_MARKS}
            onToggle={selection.toggle}
            onFollow={followOf(category.name)}
          />
        ))}
      </div>
      <Summary
        total={selected.size}
        change={change}
        following={following}
        isRecipeNew={isRecipeNew}
        reasons={suggestion?.reasons}
        trouble={saving.trouble}
        busy={busy}
        onCancel={() => go(paths.token(token.id))}
        onSave={() => void saving.save()}
        onTry={mayTry && change.granted.length === 0 ? () => setTrying("asked") : undefined}
        hint={mayTry && change.granted.length > 0 ? startTrial.later : undefined}
      >
        {change.withdrawn.length > 0 && (
          <Preview tokenId={token.id} selected={selected} days={suggestion?.days} />
        )}
      </Summary>
      {trying && (
        <StartTrial
          token={base}
          kept={[...selected]}
          leftOut={change.withdrawn.length}
          onStarted={() => setTrying("started")}
          onConflict={(current) => {
            setTrying(undefined);
            saving.conflictWith(current);
          }}
          onClose={() => setTrying(undefined)}
        />
      )}
      {dialog === "copy" && (
        <CopyFrom
          besides={token.id}
          onClose={() => setDialog(undefined)}
          onCopy={(keys) => {
            selection.select(keys);
            setDialog(undefined);
          }}
        />
      )}
      {dialog === "recipe" && (
        <PickRecipe
          recipes={recipes}
          onClose={() => setDialog(undefined)}
          onPick={(picked) => {
            setRecipe(picked);
            selection.toggle([...keysOfRecipe(picked)], true);
            setDialog(undefined);
          }}
        />
      )}
      {theirs && (
        <Conflict
          base={base}
          theirs={theirs}
          everything={everything}
          onTakeTheirs={() => continueFrom(theirs, keysOf(theirs))}
          onKeepMine={() => continueFrom(theirs, selected)}
          onClose={saving.endConflict}
        />
      )}
      <LeaveGuard unsaved={unsaved && !saving.saved && trying !== "started"} />
    </Page>
  );
}

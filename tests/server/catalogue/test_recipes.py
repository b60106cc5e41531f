"""Recipes: those that ship, and the error of a file that is none."""

from pathlib import Path

import pytest

from server.catalogue import read_catalogue
from server.catalogue.recipes import DEFAULT_FOLDER, RecipeError, read_recipes

GOOD = """name: A
vendor: V
version: 2
description: D
permissions:
  - key: GET /a
    why: Because.
"""


def test_each_key_of_the_recipes_that_ship_is_in_the_catalogue() -> None:
    recipes = read_recipes(DEFAULT_FOLDER)
    assert len(recipes) == 6
    catalogue = read_catalogue(None)
    for recipe in recipes:
        for one in recipe.permissions:
            found = catalogue.find(one.key)
            assert found is not None, (recipe.slug, one.key)
            assert found.key == one.key, "written as the document has it"
            assert one.why.endswith(".")
    numbers = {one.slug: len(one.permissions) for one in recipes}
    assert (numbers["1password-saas-manager"], numbers["okta-workflows"]) == (9, 9)


def test_a_recipe_is_read_and_other_files_are_not(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text(GOOD)
    (tmp_path / "README.md").write_text("no recipe")
    (recipe,) = read_recipes(tmp_path)
    assert (recipe.slug, recipe.version, recipe.permissions[0].key) == ("one", 2, "GET /a")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (GOOD.replace("vendor: V\n", ""), "line 1: vendor: it is missing."),
        (GOOD.replace("version: 2", "version: two"), "line 3: version: give a whole number"),
        (GOOD.replace("why: Because.", "why: ''"), "line 7: permissions[0].why: give 1 to 300"),
        (GOOD.replace("GET /a", "get a"), "line 6: permissions[0].key: give METHOD /path."),
        (GOOD + "  - key: GET /a\n    why: Twice.\n", "line 8: permissions[1].key: it is there"),
        (GOOD + "more: x\n", "line 8: the file: give each of name, vendor"),
        (GOOD.replace("name: A", f"name: {'A' * 101}"), "line 1: name: give 1 to 100 characters"),
        (GOOD.replace("description: D", "description: [D]"), "line 4: description: give 1 to"),
        (GOOD[: GOOD.index("  - key")] + "  []\n", "permissions: give a list of 1 to 1000."),
        ("- a\n", "line 1: the file: give name, vendor"),
        ("", "line 1: the file: give name, vendor"),
        ("a: [", "this is not valid YAML."),
        ("[" * 5_000, "this is not valid YAML."),
        ("? [a, b]\n: c\n", "line 1: the file: give each of"),
        ("x" * 300_000, "is larger than 256 KiB."),
    ],
)
def test_what_is_no_recipe_is_told_by_file_line_and_field(
    content: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(content)
    with pytest.raises(RecipeError) as refused:
        read_recipes(tmp_path)
    assert str(refused.value).startswith("bad.yaml")
    assert told in str(refused.value)


def test_names_and_numbers_of_files_are_bounded(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipes(tmp_path / "nowhere")
    (tmp_path / "Upper Case.yaml").write_text(GOOD)
    with pytest.raises(RecipeError, match="lower-case letters"):
        read_recipes(tmp_path)
    (tmp_path / "Upper Case.yaml").unlink()
    for number in range(201):
        (tmp_path / f"r{number}.yaml").write_text(GOOD)
    with pytest.raises(RecipeError, match="more than 200"):
        read_recipes(tmp_path)

"""Recipes: the types, the query, and the differences of a token's permissions from its recipe."""

from collections.abc import Sequence

import strawberry

import models
from server.catalogue.recipes import Recipe as Kept
from server.graphql.context import Context, Info
from server.graphql.permissions import Permission, kept_permission, shown_permissions
from server.graphql.weights import counts_as
from server.operations import tokens
from server.roles import Right
from server.service import Service


@strawberry.type(description="A permission that a recipe asks for.")
class RecipePermission:
    permission: Permission = strawberry.field(
        description="The permission. Retired if the API document lacks it."
    )
    why: str = strawberry.field(description="What the program needs it for.")


@strawberry.type(
    description="The permissions that a program needs, each with a reason, as the operator "
    "configured them. A recipe grants nothing."
)
class Recipe:
    slug: str = strawberry.field(description="Its short name, which stays.")
    name: str = strawberry.field(description="The program's name.")
    vendor: str = strawberry.field(description="Who makes the program.")
    version: int = strawberry.field(description="Counts the recipe's changes.")
    description: str = strawberry.field(description="What the program does.")
    permissions: list[RecipePermission] = strawberry.field(
        description="What it needs.", metadata=counts_as(8)
    )


@strawberry.type(
    description="The recipe that a token was made from, and how the token's permissions differ "
    "from it."
)
class TokenRecipe:
    slug: str = strawberry.field(description="The recipe's short name.")
    version: int = strawberry.field(description="The recipe's version that was applied.")
    recipe: Recipe | None = strawberry.field(
        description="The recipe as it is now. Null if there is no longer one with that name."
    )
    missing: list[Permission] = strawberry.field(
        description="The permissions that the recipe asks for now and the token does not hold.",
        metadata=counts_as(5),
    )
    beyond: list[Permission] = strawberry.field(
        description="The permissions that the token holds and the recipe does not ask for now.",
        metadata=counts_as(5),
    )


def _shown_recipe(service: Service, recipe: Kept) -> Recipe:
    return Recipe(
        slug=recipe.slug,
        name=recipe.name,
        vendor=recipe.vendor,
        version=recipe.version,
        description=recipe.description,
        permissions=[
            RecipePermission(permission=kept_permission(service.catalogue, one.key), why=one.why)
            for one in recipe.permissions
        ],
    )


def list_recipes(info: Info) -> list[Recipe]:
    """Return the recipes by name. Every signed-in admin may read them: all tenants share them."""
    info.context.principal.require(Right.READ)
    service = info.context.service
    return [_shown_recipe(service, one) for one in service.recipes]


async def load_token_recipes(
    context: Context, rows: Sequence[models.Token]
) -> list[TokenRecipe | None]:
    """Return for each token the recipe that it was made from, None for none."""
    made = [row.id for row in rows if row.recipe is not None]
    keys = await tokens.permission_keys(context.principal, made) if made else {}
    return [_compared(context.service, row, keys.get(row.id, [])) for row in rows]


def _compared(service: Service, row: models.Token, keys: list[str]) -> TokenRecipe | None:
    if row.recipe is None:
        return None
    recipe = service.recipe(row.recipe)
    held = {models.shape_of(key): key for key in keys}
    asked = {models.shape_of(one.key): one.key for one in recipe.permissions} if recipe else {}
    missing = [key for shape, key in asked.items() if shape not in held]
    beyond = [key for shape, key in held.items() if shape not in asked] if recipe else []
    known = [key for key in missing if service.catalogue.find(key)]
    return TokenRecipe(
        slug=row.recipe,
        version=row.recipe_version or 0,
        recipe=_shown_recipe(service, recipe) if recipe else None,
        missing=shown_permissions(service.catalogue, known),
        beyond=shown_permissions(service.catalogue, beyond),
    )

"""Changing tokens: inputs, results and mutations. The logic is in `operations.tokens`."""

from typing import Annotated

import strawberry
from strawberry import UNSET

from models import RevocationReason
from server.conditions import Conditions, Unsaid
from server.global_ids import id_of
from server.graphql.basics import DateTime, given
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, NotFound, RevisionConflict, SecretAlreadyShown
from server.graphql.tokens import Token, shown_token
from server.operations import tokens

_INPUT = strawberry.argument(description="The change and its values.")
_TOKEN_ID = "The token's global id."
_IF_REVISION = "Make the change only if this is still the token's revision."
_NAME = "Its name: 1 to 100 characters in one line, after trimming."
_RECIPE = "The short name of the recipe that it follows by this; by default, as before."
_DESCRIPTION = "Its purpose: up to 1,000 characters. Line breaks are kept."


@strawberry.input(description="The token to create.")
class CreateTokenInput:
    name: str = strawberry.field(description=_NAME)
    description: str | None = strawberry.field(description=_DESCRIPTION, default=UNSET)
    permissions: list[str] | None = strawberry.field(
        description="The keys of its permissions; none by default.", default=UNSET
    )
    follow_categories: list[str] | None = strawberry.field(
        description="Categories to grant and follow: permissions that later versions of the API "
        "document add to them are granted too. None by default.",
        default=UNSET,
    )
    recipe: str | None = strawberry.field(
        description="The short name of the recipe that its permissions come from. It grants "
        "nothing.",
        default=UNSET,
    )
    idempotency_key: str | None = strawberry.field(
        description="Makes a retry safe: a second request with the same key creates no token.",
        default=UNSET,
    )
    expires_at: DateTime | None = strawberry.field(
        description="The instant from which it is refused; null for never. By default, as the token"
        " policy says.",
        default=UNSET,
    )
    networks: list[str] | None = strawberry.field(
        description="The networks it may be used from, in CIDR notation: at most 50. From anywhere"
        " by default.",
        default=UNSET,
    )
    requests_per_hour: int | None = strawberry.field(
        description="Its own limit of requests an hour, beside the tenant's. None by default.",
        default=UNSET,
    )
    is_owned_by_organisation: bool | None = strawberry.field(
        description="Whether the organisation owns it instead of you. Such a token stays when you "
        "are removed.",
        default=UNSET,
    )
    holder_may_rotate: bool | None = strawberry.field(
        description="Whether its holder may rotate its secret; false by default.", default=UNSET
    )


@strawberry.input(description="The new permissions of a token.")
class SetPermissionsInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    permissions: list[str] = strawberry.field(
        description="The keys of all its permissions: replaces the whole set."
    )
    follow_categories: list[str] | None = strawberry.field(
        description="All categories to follow: replaces those that it follows, and grants the new"
        " ones. They stay by default.",
        default=UNSET,
    )
    recipe: str | None = strawberry.field(description=_RECIPE, default=UNSET)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The permissions to grant to a token and to withdraw from it.")
class EditPermissionsInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    grant: list[str] | None = strawberry.field(
        description="The keys of permissions to add; none by default.", default=UNSET
    )
    withdraw: list[str] | None = strawberry.field(
        description="The keys of permissions to remove; those it does not hold are ignored.",
        default=UNSET,
    )
    follow: list[str] | None = strawberry.field(
        description="Categories to grant and follow; none by default.", default=UNSET
    )
    unfollow: list[str] | None = strawberry.field(
        description="Categories to follow no more. What they granted stays.", default=UNSET
    )
    recipe: str | None = strawberry.field(description=_RECIPE, default=UNSET)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The new name of a token.")
class RenameTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    name: str = strawberry.field(description=_NAME)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The new description of a token.")
class DescribeTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    description: str = strawberry.field(description=_DESCRIPTION)
    if_revision: int | None = strawberry.field(description=_IF_REVISION, default=UNSET)


@strawberry.input(description="The token to revoke.")
class RevokeTokenInput:
    token_id: strawberry.ID = strawberry.field(description=_TOKEN_ID)
    reason: RevocationReason | None = strawberry.field(
        description="REVOKED, the default, or COMPROMISED.", default=UNSET
    )


@strawberry.type(description="A new token.")
class CreateTokenPayload:
    token: Token = strawberry.field(description="The token.")
    secret: str = strawberry.field(description="Its secret. It is shown only here, once.")


@strawberry.type(description="The token with its new permissions.")
class SetPermissionsPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its edited permissions.")
class EditPermissionsPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its new name.")
class RenameTokenPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The token with its new description.")
class DescribeTokenPayload:
    token: Token = strawberry.field(description="The token.")


@strawberry.type(description="The revoked token.")
class RevokeTokenPayload:
    token: Token = strawberry.field(description="The token.")


CreateTokenResult = Annotated[
    CreateTokenPayload | InvalidInput | SecretAlreadyShown,
    strawberry.union("CreateTokenResult", description="A new token, or why there is none."),
]
SetPermissionsResult = Annotated[
    SetPermissionsPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("SetPermissionsResult", description="The token, or why it is unchanged."),
]
EditPermissionsResult = Annotated[
    EditPermissionsPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("EditPermissionsResult", description="The token, or why it is unchanged."),
]
RenameTokenResult = Annotated[
    RenameTokenPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("RenameTokenResult", description="The token, or why it is unchanged."),
]
DescribeTokenResult = Annotated[
    DescribeTokenPayload | InvalidInput | NotFound | RevisionConflict,
    strawberry.union("DescribeTokenResult", description="The token, or why it is unchanged."),
]
RevokeTokenResult = Annotated[
    RevokeTokenPayload | InvalidInput | NotFound,
    strawberry.union("RevokeTokenResult", description="The token, or why it is not revoked."),
]


async def create_token(info: Info, input: Annotated[CreateTokenInput, _INPUT]) -> CreateTokenResult:
    created = await tokens.create(
        info.context.principal,
        info.context.service,
        name=input.name,
        description=given(input.description) or "",
        permissions=given(input.permissions) or [],
        follow_categories=given(input.follow_categories) or [],
        recipe=given(input.recipe),
        idempotency_key=given(input.idempotency_key),
        is_owned_by_organisation=given(input.is_owned_by_organisation) or False,
        conditions=Conditions(
            Unsaid.UNSAID if input.expires_at is UNSET else input.expires_at,
            given(input.networks) or [],
            given(input.requests_per_hour),
            given(input.holder_may_rotate) or False,
        ),
    )
    return CreateTokenPayload(token=shown_token(created.token), secret=created.secret)


async def set_permissions(
    info: Info, input: Annotated[SetPermissionsInput, _INPUT]
) -> SetPermissionsResult:
    token = await tokens.set_permissions(
        info.context.principal,
        info.context.service,
        id_of("Token", input.token_id),
        input.permissions,
        given(input.if_revision),
        follow_categories=given(input.follow_categories),
        recipe=given(input.recipe),
    )
    return SetPermissionsPayload(token=shown_token(token))


async def edit_permissions(
    info: Info, input: Annotated[EditPermissionsInput, _INPUT]
) -> EditPermissionsResult:
    token = await tokens.edit_permissions(
        info.context.principal,
        info.context.service,
        id_of("Token", input.token_id),
        grant=given(input.grant) or [],
        withdraw=given(input.withdraw) or [],
        follow=given(input.follow) or [],
        unfollow=given(input.unfollow) or [],
        recipe=given(input.recipe),
        if_revision=given(input.if_revision),
    )
    return EditPermissionsPayload(token=shown_token(token))


async def rename_token(info: Info, input: Annotated[RenameTokenInput, _INPUT]) -> RenameTokenResult:
    token = await tokens.rename(
        info.context.principal, id_of("Token", input.token_id), input.name, given(input.if_revision)
    )
    return RenameTokenPayload(token=shown_token(token))


async def describe_token(
    info: Info, input: Annotated[DescribeTokenInput, _INPUT]
) -> DescribeTokenResult:
    token = await tokens.describe(
        info.context.principal,
        id_of("Token", input.token_id),
        input.description,
        given(input.if_revision),
    )
    return DescribeTokenPayload(token=shown_token(token))


async def revoke_token(info: Info, input: Annotated[RevokeTokenInput, _INPUT]) -> RevokeTokenResult:
    token = await tokens.revoke(
        info.context.principal, id_of("Token", input.token_id), given(input.reason)
    )
    return RevokeTokenPayload(token=shown_token(token))

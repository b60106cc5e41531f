"""The parts of all activities: their kinds, actors and subjects, as interfaces."""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, field
from datetime import datetime
from typing import Annotated, Any, ForwardRef
from uuid import UUID

import strawberry

import models
from models import ActivityKind, ActorKind, SubjectKind
from server.access.columns_beside import IN_BRIEF
from server.access.reading import beside, is_beside
from server.catalogue import Catalogue
from server.graphql.admins import ADMIN_IN_BRIEF, Admin, admins_beside, find_admins
from server.graphql.basics import DateTime, described
from server.graphql.context import Context
from server.graphql.loading import loaded, of_object, of_row
from server.graphql.nodes import Node, finder, shown_as
from server.graphql.permissions import Permission, shown_permissions

described(
    ActivityKind,
    "The kind of an activity.",
    CREATED="A token was created.",
    NAME_CHANGED="A token's name was changed.",
    DESCRIPTION_CHANGED="A token's description was changed.",
    PERMISSIONS_EDITED="A token's permissions were changed.",
    PERMISSIONS_GREW="A token was granted what came in a category that it follows.",
    EXPIRY_SET="A token's expiry was changed.",
    PAUSED="A token was paused.",
    RESUMED="A token was resumed.",
    NETWORKS_SET="A token's networks were changed.",
    RATE_LIMIT_SET="A token's own rate limit was changed.",
    TRANSFERRED="A token got another owner.",
    ROTATION_STARTED="A token got a new secret.",
    ROTATION_PICKED_UP="A token's new secret was first used.",
    ROTATION_ENDED="A token's rotation was ended.",
    HOLDER_MAY_ROTATE_SET="A token's holder was allowed to rotate it, or not any more.",
    TRIAL_STARTED="A trial of fewer permissions of a token was started.",
    TRIAL_ENFORCED="The trial of a token was enforced: its permissions are fewer.",
    TRIAL_DROPPED="The trial of a token was dropped, or had come to its end.",
    ACCESS_REQUESTED="The holder of a token asked for a permission.",
    ACCESS_GRANTED="A holder's request for a permission was granted.",
    ACCESS_DECLINED="A holder's request for a permission was declined.",
    REVOKED="A token was revoked.",
    ADMIN_INVITED="An admin was invited.",
    INVITATION_RENEWED="An admin got another invitation.",
    INVITATION_ACCEPTED="An admin accepted their invitation.",
    INVITATION_ENDED="An admin's invitation ended, since the one who made it was removed.",
    ROLE_SET="An admin got another role.",
    OWNERSHIP_TRANSFERRED="An admin became the owner.",
    ADMIN_REMOVED="An admin was removed.",
    ADMIN_ERASED="The name and the address of a removed admin were erased.",
    SIGNED_IN="An admin signed in.",
    SIGN_IN_FAILED="Sign-ins to an admin's account failed.",
    SIGNED_OUT="An admin signed out.",
    SESSIONS_ENDED="An admin's sessions were ended.",
    PASSWORD_SET="An admin changed their password.",
    TENANT_CREATED="The tenant was created.",
    TENANT_LIMIT_SET="The tenant's rate limit was changed.",
    TENANT_RENAMED="The tenant got another name.",
    TENANT_SUSPENDED="The operator suspended the tenant.",
    TENANT_RESUMED="The operator resumed the tenant.",
    TOKEN_POLICY_SET="The policy of all tokens was set.",
    CATALOGUE_CHANGED="Another version of the API document was served.",
    CATALOGUE_NOTICE_DISMISSED="An admin dismissed the notice of a version.",
    WEBHOOK_CREATED="A webhook was created.",
    WEBHOOK_SET="The address, the events or the state of a webhook was changed.",
    WEBHOOK_TESTED="A test event was sent to a webhook.",
    WEBHOOK_REPLAYED="Events were sent to a webhook once more.",
    WEBHOOK_REMOVED="A webhook was removed.",
    INTROSPECTION_CLIENT_CREATED="Of the installation: in no tenant's activity.",
    INTROSPECTION_CLIENT_REVOKED="Of the installation: in no tenant's activity.",
    DIGEST_KEY_ANNOUNCED="Of the installation: in no tenant's activity.",
    DIGEST_KEY_REPLACED="Of the installation: in no tenant's activity.",
    TENANT_DELETED="Of the installation: in no tenant's activity.",
)
described(
    ActorKind,
    "The kind of actor that made a change.",
    ADMIN="An admin, signed in.",
    OPERATOR="The operator of the installation, at the command line.",
    MACHINE="A program with a credential of its own.",
    HOLDER="The holder of a token's secret.",
    SYSTEM="The server itself; also where the actor is not known.",
)

# A token has activity, and an activity a token: this file cannot import that of tokens.
_TOKEN_IN_BRIEF = ("id", "name")
_TOKEN: Any = Annotated[ForwardRef("Token"), strawberry.lazy("server.graphql.tokens")]
_Rows = Sequence[models.Activity]


async def _load_actors(context: Context, rows: _Rows) -> list[Admin | None]:
    if is_beside(rows, "acting_admin"):
        return admins_beside(rows, "acting_admin")
    acting = [row.actor_id if row.actor_kind is ActorKind.ADMIN else None for row in rows]
    return await _found(context, find_admins, acting)


async def _load_actor_names(context: Context, rows: _Rows) -> list[str | None]:
    """Names of admins and tokens as they are now; those of operators as they were."""
    admins = await _load_actors(context, rows)
    held = [row.actor_id if row.actor_kind is ActorKind.HOLDER else None for row in rows]
    if is_beside(rows, "acting_token"):
        tokens = _tokens_beside(rows, "acting_token")
    else:
        tokens = await _found(context, finder("Token"), held)
    named = [admin or token for admin, token in zip(admins, tokens, strict=True)]
    return [one.row.name if one else row.actor_name for one, row in zip(named, rows, strict=True)]


async def _load_tokens(context: Context, rows: _Rows) -> list[Any]:
    if is_beside(rows, "subject_token"):
        found = _tokens_beside(rows, "subject_token")
    else:
        found = await _found(context, finder("Token"), _subjects(rows, SubjectKind.TOKEN))
    return [
        LookupError("an activity without its token")
        if one is None and row.subject_kind is SubjectKind.TOKEN
        else one
        for one, row in zip(found, rows, strict=True)
    ]


async def _load_admins(context: Context, rows: _Rows) -> list[Admin | None]:
    if is_beside(rows, "subject_admin"):
        return admins_beside(rows, "subject_admin")
    return await _found(context, find_admins, _subjects(rows, SubjectKind.ADMIN))


def _tokens_beside(rows: _Rows, name: str) -> list[Any]:
    """The token that was read beside each activity; None where there is none."""
    found = [beside(row, name) for row in rows]
    show = shown_as("Token")
    shown = {id(row): show(row) for row in {id(one): one for one in found if one}.values()}
    return [shown[id(row)] if row else None for row in found]


def _subjects(rows: _Rows, kind: SubjectKind) -> list[UUID | None]:
    """The subject of each activity, None for one of another kind."""
    return [row.subject_id if row.subject_kind is kind else None for row in rows]


async def load_previous_owners(context: Context, rows: _Rows) -> list[Admin | None]:
    """Return the admin who was the owner before each activity, if it names one."""
    return await _admins_in(context, rows, "previousOwner")


async def load_new_owners(context: Context, rows: _Rows) -> list[Admin | None]:
    """Return the admin who was the owner after each activity, if it names one."""
    return await _admins_in(context, rows, "owner")


async def load_inviters(context: Context, rows: _Rows) -> list[Admin | None]:
    """Return the admin who had invited the subject of each activity, if it names one."""
    return await _admins_in(context, rows, "invitedBy")


async def _admins_in(context: Context, rows: _Rows, detail: str) -> list[Admin | None]:
    """The admins that a detail of each activity names, if any."""
    named = [UUID(text) if (text := row.details.get(detail)) else None for row in rows]
    return await _found(context, find_admins, named)


async def _found(context: Context, load: Any, ids: Sequence[UUID | None]) -> list[Any]:
    """The object of each id, None for none."""
    found = await context.load_distinct(load, (one for one in ids if one))
    return [found[one] if one else None for one in ids]


def instant(text: str) -> DateTime:
    """Map an instant in the details of an activity."""
    return DateTime(datetime.fromisoformat(text))


def detail(
    name: str, read: Callable[[Any], Any] | None = None, *, default: Any = MISSING, **options: Any
) -> Any:
    """Declare a field whose value is among the details of the activity.

    name: its name there. read: maps a value that is not null. default: where the details lack it,
    as those of rows that an earlier version wrote. options: those of `strawberry.field`.
    """

    def found(row: models.Activity) -> Any:
        details = row.details
        value = details[name] if default is MISSING else details.get(name, default)
        return value if read is None or value is None else read(value)

    return of_row(found, **options)


def permissions_in(name: str, **options: Any) -> Any:
    """Declare a field with the permissions whose keys are among the details, under that name."""

    def found(activity: Activity) -> list[Permission]:
        return shown_permissions(activity.catalogue, activity.row.details[name])

    return of_object(found, **options)


@strawberry.interface(description="A change or a sign-in: one entry of the audit trail.")
class Activity:
    id: strawberry.ID = strawberry.field(description="A global id.")
    sequence: int = of_row(
        "sequence",
        description="Its number in the tenant: 1, 2, 3 and so on without gaps, in the order of the"
        " changes. The order of lists and cursors is the same.",
    )
    occurred_at: DateTime = of_row(
        "created_at", description="When it happened, by the database's clock."
    )
    actor_kind: ActorKind = of_row("actor_kind", description="The kind of actor.")
    actor: Admin | None = loaded(
        _load_actors,
        beside=("acting_admin",),
        brief=ADMIN_IN_BRIEF,
        description="The admin who did it, also once they are removed; null for an actor of"
        " another kind.",
    )
    actor_name: str | None = loaded(
        _load_actor_names,
        beside=(f"acting_admin{IN_BRIEF}", f"acting_token{IN_BRIEF}"),
        description="The name of the admin, or of the token whose holder did it, or the login of"
        " the operator; null where there is none.",
    )
    client_address: str | None = of_row(
        "address",
        description="The client's address; null where there was no client, or it was not noted.",
    )
    token: Node | None = loaded(
        _load_tokens,
        beside=("subject_token",),
        brief=_TOKEN_IN_BRIEF,
        graphql_type=_TOKEN | None,
        description="The token concerned, live or revoked; null where it concerns none.",
    )
    admin: Admin | None = loaded(
        _load_admins,
        beside=("subject_admin",),
        brief=ADMIN_IN_BRIEF,
        description="The admin concerned, also once they are removed; null where it concerns none.",
    )
    row: strawberry.Private[models.Activity]
    catalogue: strawberry.Private[Catalogue]
    loaded_values: strawberry.Private[dict[str, Any]] = field(default_factory=dict)


@strawberry.interface(description="Something that happened to a token.")
class TokenActivity(Activity):
    token: Node = loaded(
        _load_tokens,
        beside=("subject_token",),
        brief=_TOKEN_IN_BRIEF,
        graphql_type=_TOKEN,
        description="The token concerned, live or revoked.",
    )


@strawberry.interface(description="Something that happened to an admin.")
class AdminActivity(Activity):
    admin: Admin = loaded(
        _load_admins,
        beside=("subject_admin",),
        brief=ADMIN_IN_BRIEF,
        description="The admin concerned, also once they are removed.",
    )

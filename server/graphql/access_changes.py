"""Deciding access requests: inputs, results and mutations.

The logic is in `operations.tokens` and `operations.access_requests`.
"""

from typing import Annotated

import strawberry

from server.global_ids import id_of
from server.graphql.access_requests import AccessRequest, shown_request
from server.graphql.context import Info
from server.graphql.problems import InvalidInput, NotFound
from server.operations import access_requests, tokens

_INPUT = strawberry.argument(description="The change and its values.")
_REQUEST_ID = "The access request's global id."


@strawberry.input(description="The access request to grant.")
class GrantAccessRequestInput:
    request_id: strawberry.ID = strawberry.field(description=_REQUEST_ID)


@strawberry.input(description="The access request to decline.")
class DeclineAccessRequestInput:
    request_id: strawberry.ID = strawberry.field(description=_REQUEST_ID)
    reason: str = strawberry.field(description="Why, for the holder to read: 1 to 500 characters.")


@strawberry.type(description="The token holds the permission.")
class GrantAccessRequestPayload:
    access_request: AccessRequest = strawberry.field(description="The request, granted.")


@strawberry.type(description="The request is declined.")
class DeclineAccessRequestPayload:
    access_request: AccessRequest = strawberry.field(description="The request, declined.")


GrantAccessRequestResult = Annotated[
    GrantAccessRequestPayload | InvalidInput | NotFound,
    strawberry.union(
        "GrantAccessRequestResult", description="The request, or why it is not granted."
    ),
]
DeclineAccessRequestResult = Annotated[
    DeclineAccessRequestPayload | InvalidInput | NotFound,
    strawberry.union(
        "DeclineAccessRequestResult", description="The request, or why it is not declined."
    ),
]


async def grant_access_request(
    info: Info, input: Annotated[GrantAccessRequestInput, _INPUT]
) -> GrantAccessRequestResult:
    context = info.context
    request_id = id_of("AccessRequest", input.request_id)
    granted = await tokens.grant_requested(context.principal, context.service, request_id)
    return GrantAccessRequestPayload(access_request=shown_request(context, granted))


async def decline_access_request(
    info: Info, input: Annotated[DeclineAccessRequestInput, _INPUT]
) -> DeclineAccessRequestResult:
    request_id = id_of("AccessRequest", input.request_id)
    declined = await access_requests.decline(info.context.principal, request_id, input.reason)
    return DeclineAccessRequestPayload(access_request=shown_request(info.context, declined))

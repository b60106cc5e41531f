"""Looks one secret up."""

import asyncio

from server.decisions.lookup import Lookup
from server.decisions.question import Question
from server.decisions.terms import Terms


class Receiver:
    """Receives the result of one lookup and waits for it."""

    def __init__(self) -> None:
        self.result: asyncio.Future[Terms | None] = asyncio.get_running_loop().create_future()

    def found(self, terms: Terms | None) -> None:
        self.result.set_result(terms)

    def failed(self, error: Exception) -> None:
        self.result.set_exception(error)


async def find(lookup: Lookup, question: Question) -> Terms | None:
    """The terms of the secret in question, or None. Raises the error of a lookup that failed."""
    receiver = Receiver()
    lookup.find(question, receiver)
    return await asyncio.wait_for(receiver.result, 10)

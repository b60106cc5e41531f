"""The executor: graphql-core's, with a fast path for plain fields.

Most of a page is attributes without resolver or argument, and objects of such attributes. For
each, graphql-core builds a path and an info object and looks up the type again, tens of thousands
of times a page. The fast path reads them directly off the objects, by the `plans` that are kept
with the document. Fields that fail, wait or take an argument go through graphql-core.

Both paths count every object and text; an answer that grows too large ends the execution.
`metered_fields` replaces this module where graphql-core lacks the class that it derives from.
"""

from typing import Any, cast

from graphql import GraphQLObjectType, GraphQLResolveInfo
from graphql.type import GraphQLOutputType

from server.graphql.metering import TooLargeError, text_size
from server.graphql.plans import Plans, Run
from server.internals.graphql_core import (
    AwaitableOrValue,
    Executor,
    FieldDetailsList,
    GroupedFieldSet,
    Path,
)


class PlainFieldExecutor(Executor[Any]):
    """Same result as graphql-core's executor, faster; raises `TooLargeError` beyond the limits.

    Leaves are values that orjson writes as graphql-core's would: instants, and objects as JSON.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        kept = self.context_value.plans if self.context_value else None
        self._plans = Plans(self.schema) if kept is None else kept
        self._run = Run(self._collected)

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: Any,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: Any,
    ) -> AwaitableOrValue[dict[str, Any]]:
        """Read plain fields directly; leave the rest to graphql-core."""
        plain, others, size = self._plans.of(parent_type, grouped_field_set, self._run)
        rest = grouped_field_set
        self._run.add(1, size)
        try:
            results = plain.read(source_value, self._run)
        except TooLargeError:
            raise
        except Exception:
            # Run all fields through graphql-core: it reports errors as the specification requires.
            results = {}
        else:
            if not others:
                return results
            rest = {name: grouped_field_set[name] for name in others}
        executed = super().execute_fields(parent_type, source_value, path, rest, position_context)

        def in_order(others: dict[str, Any]) -> dict[str, Any]:
            self._run.add(0, sum(map(text_size, others.values())))
            both = results | others
            return {name: both[name] for name in grouped_field_set if name in both}

        if not self.is_awaitable(executed):
            return in_order(cast("dict[str, Any]", executed))

        async def awaited() -> dict[str, Any]:
            return in_order(await executed)

        return awaited()

    def complete_value(
        self,
        return_type: GraphQLOutputType,
        field_details_list: FieldDetailsList,
        info: GraphQLResolveInfo[Any],
        path: Path,
        result: Any,
        position_context: Any,
    ) -> AwaitableOrValue[Any]:
        """Complete the objects that a resolver gave by their plan, if all of them is plain."""
        if result is not None:
            complete = self._plans.completion(return_type, field_details_list, self._run)
            if complete is not None:
                counted = self._run.objects, self._run.size
                try:
                    return complete(result, self._run)
                except TooLargeError:
                    raise
                except Exception:
                    # As in `execute_fields`. The same objects are counted again.
                    self._run.objects, self._run.size = counted
        return super().complete_value(
            return_type, field_details_list, info, path, result, position_context
        )

    def handle_field_error(self, raw_error: Exception, *args: Any) -> None:
        """Let `TooLargeError` end the execution, instead of making the field null."""
        if isinstance(raw_error, TooLargeError):
            raise raw_error
        super().handle_field_error(raw_error, *args)

    def build_response(self, data: dict[str, Any] | None) -> Any:
        """Build the response as graphql-core does, and free the completed objects."""
        # An executor is in a reference cycle: without this, the page's rows stay in memory until
        # the garbage collector runs.
        self._run.known.clear()
        return super().build_response(data)

    def _collected(self, of_type: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        return self.collect_subfields(of_type, details).grouped_field_set

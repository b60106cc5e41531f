"""The dependencies of one running instance; made once at the start and passed to its users."""

from dataclasses import dataclass

from opentelemetry.trace import Tracer

import models
from server.catalogue import Catalogue
from server.catalogue.recipes import Recipe
from server.settings import Settings
from server.token_format import DigestKey
from server.workers import Worker

DEFAULT_REQUESTS_PER_HOUR = 10_000


@dataclass(frozen=True, slots=True)
class Service:
    """The settings, the key of all digests, the tenant API's permissions, and recipes of them.

    worker: this process among several workers; None if it is the instance's only one.
    tracer: makes spans; None where none are made.
    """

    settings: Settings
    digest_key: DigestKey
    catalogue: Catalogue
    recipes: tuple[Recipe, ...] = ()
    worker: Worker | None = None
    tracer: Tracer | None = None

    @property
    def speaks(self) -> bool:
        """Whether this process logs messages of the whole instance, which are to be logged once."""
        return self.worker is None or self.worker.is_first

    def recipe(self, slug: str) -> Recipe | None:
        """The recipe of that name."""
        return next((one for one in self.recipes if one.slug == slug), None)

    @staticmethod
    def requests_per_hour(tenant: models.Tenant) -> int:
        """How many requests the tenant's tokens may make in an hour, all together."""
        return tenant.requests_per_hour or DEFAULT_REQUESTS_PER_HOUR

    def api_url(self, tenant: models.Tenant) -> str | None:
        """Where the tenant's API is; None until its first token, and from then on for ever."""
        if tenant.first_token_at is None:
            return None
        return self.url_of(tenant)

    def url_of(self, tenant: models.Tenant) -> str:
        """Where the tenant's API is, whether it has a token yet or not."""
        template = self.settings.api_url
        return template.replace("{tenant}", tenant.slug).replace("{region}", tenant.region)

"""The dependencies of one running instance; made once at the start and passed to its users."""

from dataclasses import dataclass

import models
from server.catalogue import Catalogue
from server.settings import Settings
from server.token_format import DigestKey

DEFAULT_REQUESTS_PER_HOUR = 10_000


@dataclass(frozen=True, slots=True)
class Service:
    """The settings, the key of all digests, and the tenant API's permissions."""

    settings: Settings
    digest_key: DigestKey
    catalogue: Catalogue

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

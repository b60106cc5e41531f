"""Maps hosts of the tenants' API to tenants."""

import re
from functools import lru_cache
from urllib.parse import urlsplit

_MAX_LENGTH = 253


class Hosts:
    """The hosts that one `TESSERA_API_URL` describes."""

    def __init__(self, api_url: str) -> None:
        host = urlsplit(api_url).netloc.partition(":")[0].lower()
        label = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
        pattern = re.escape(host)
        for name in ("tenant", "region"):
            pattern = pattern.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>{label})")
        # Ignore the port: some gateways pass it on, and it does not name the tenant. A name with a
        # trailing dot is the same name (RFC 1034, section 3.1).
        self._pattern = re.compile(rf"{pattern}\.?(?::[0-9]{{1,5}})?")
        self.tenant_of = lru_cache(maxsize=4096)(self._tenant_of)

    def _tenant_of(self, host: str) -> tuple[str, str | None] | None:
        """The slug and region in `host`, or None. The region is None if hosts contain none."""
        if len(host) > _MAX_LENGTH + 7:
            return None
        match = self._pattern.fullmatch(host.lower())
        return (match["tenant"], match.groupdict().get("region")) if match else None

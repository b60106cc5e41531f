"""Recognises documents of other formats than OpenAPI 3, and says how to convert them."""

import re
from typing import Any

_SNIFFED = 4096
_CONVERT = "Convert it to OpenAPI 3 first"
# Messages by the beginning of a text, after byte order mark and white space.
_BEGINNINGS: tuple[tuple[str, str], ...] = (
    (r"#%RAML", f"This is RAML. {_CONVERT}."),
    (r"(?i)<!doctype html|<html", "This is an HTML page. Download the document that it shows."),
    (r"(?i)(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(\w+:)?definitions", f"This is WSDL. {_CONVERT}."),
    (r"(?i)(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*<(\w+:)?application", f"This is WADL. {_CONVERT}."),
    (r"<\?xml|<[A-Za-z]", "This is XML, and OpenAPI is JSON or YAML."),
    (r"FORMAT:\s*1A|# Group ", f"This is API Blueprint. {_CONVERT}."),
    (r"syntax\s*=\s*[\"']proto", f"This is a description of Protocol Buffers. {_CONVERT}."),
    (r"PK\x03\x04|\x1f\x8b", "This is an archive. Unpack it first."),
    (
        r"(\"\"\".*?\"\"\"\s*|#[^\n]*\n\s*)*(type|schema|interface|enum|input|scalar|union|extend|directive)"
        r"\s[@\w\s{]",
        "This is a GraphQL schema, which has no paths that could be permissions.",
    ),
)
_ASYNC = "which tells of messages and has no paths that could be permissions."


def by_beginning(content: bytes) -> str | None:
    """A sentence on the format of a text that is no JSON or YAML object; None if unknown."""
    text = content[:_SNIFFED].decode("latin-1").removeprefix("ï»¿").lstrip()
    return next((says for form, says in _BEGINNINGS if re.match(form, text, re.DOTALL)), None)


def by_members(document: dict[Any, Any]) -> str:
    """A sentence on the format of an object that is no OpenAPI 3.0, 3.1 or 3.2."""
    info = document.get("info")
    info = info if isinstance(info, dict) else {}
    if "openapi" in document:
        return f"This is OpenAPI {_shown(document['openapi'])}; 3.0, 3.1 and 3.2 are read."
    if "swagger" in document or "swaggerVersion" in document:
        version = _shown(document.get("swagger", document.get("swaggerVersion")))
        return f"This is Swagger {version}. {_CONVERT}, for example with swagger2openapi."
    if "asyncapi" in document:
        return f"This is AsyncAPI, {_ASYNC}"
    if "_postman_id" in info or "getpostman.com" in str(info.get("schema")):
        return f"This is a Postman collection. {_CONVERT}, for example with postman-to-openapi."
    for member, name in _FORMATS.items():
        if member in document:
            return f"This is {name}. {_CONVERT}."
    return "The document has no `openapi`: it is not OpenAPI 3.0, 3.1 or 3.2."


_FORMATS = {
    "__export_format": "an Insomnia export",
    "discoveryVersion": "a Google API discovery document",
    "arazzo": "an Arazzo document",
    "overlay": "an OpenAPI overlay",
    "$Version": "OData CSDL",
    "log": "an HTTP archive",
    "__schema": "a GraphQL schema",
}


def _shown(version: Any) -> str:
    return "".join(c for c in str(version)[:20] if c.isprintable())

"""Members of JSON as columns, for the statements of the decision log on SQLite."""


def members(names: str) -> str:
    """The columns of the members with these names, for a SELECT from `json_each`."""
    return ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names.split())

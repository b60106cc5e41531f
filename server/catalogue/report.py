"""A catalogue as text, for the command line."""

from server.catalogue.catalogue import Catalogue


def listing(catalogue: Catalogue) -> str:
    """The permissions of a catalogue by category, with its document faults and notes."""
    lines: list[str] = []
    for category in catalogue.categories:
        lines.append(category.name)
        width = max(len(permission.path) for permission in category.permissions)
        lines += [
            f"  {permission.method:7} {permission.path:{width}}  {permission.name}"
            f"{' (deprecated)' if permission.deprecated else ''}"
            f"{' (sensitive)' if permission.sensitive else ''}"
            for permission in category.permissions
        ]
        lines.append("")
    permissions, categories = len(catalogue.permissions), len(catalogue.categories)
    lines.append(f"{permissions} permissions in {categories} categories")
    bases = dict.fromkeys(base for p in catalogue.permissions for base in p.bases)
    if any(bases):
        lines.append(f"served under {', '.join(base or '/' for base in bases)}")
    lines += [f"refused: {one.pointer}: {one.reason}" for one in catalogue.faults]
    lines += [f"note: {one.pointer}: {one.reason}" for one in catalogue.notes]
    return "\n".join(lines)

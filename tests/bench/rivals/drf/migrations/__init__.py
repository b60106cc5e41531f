"""The table of permissions."""

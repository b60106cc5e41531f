"""The tests and their support. `models` and `server` never import from here."""

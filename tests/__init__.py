"""The tests, and what they run on. `models` and `server` never import from here."""

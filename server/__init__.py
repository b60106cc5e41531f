"""Tessera's server: rooms are layers, files are nouns, and imports go down only."""

"""Tessera's server: folders are layers, files are nouns, and imports only go down."""

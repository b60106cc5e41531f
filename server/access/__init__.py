"""Principals, and the rows that they own."""

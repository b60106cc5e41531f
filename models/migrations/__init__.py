"""Tortoise migrations: one set for SQLite and PostgreSQL."""

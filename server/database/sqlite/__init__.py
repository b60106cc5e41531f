"""SQLite: its files, and Tortoise's engine on them."""

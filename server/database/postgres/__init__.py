"""PostgreSQL: its address, its connections, and Tortoise's engine on them."""

"""The mark of a database that is a copy, or was restored from one."""

# Run on the connected database, and on copies.
MARK_SQLITE = """
    INSERT INTO installation_state (id, restored_at)
    VALUES (1, strftime('%Y-%m-%d %H:%M:%f000+00:00', 'now'))
    ON CONFLICT (id) DO UPDATE SET restored_at = excluded.restored_at
    WHERE installation_state.restored_at IS NULL
"""

"""Secrets that leaked: `/revoke` for anybody who found one, `/leaks/…` for scanners."""

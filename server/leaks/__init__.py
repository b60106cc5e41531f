"""Secrets that leaked: `/revoke` for anyone who found one, `/leaks/…` for scanners."""

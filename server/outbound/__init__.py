"""Requests to addresses that tenants choose: which ones are allowed, and how they are sent."""

"""The operations of principals, one transaction each."""

"""The HTTP surface of archives: the audit trail as a stream."""

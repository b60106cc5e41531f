"""The HTTP surface of sessions, invitations and passwords."""

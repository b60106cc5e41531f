"""Where people prove who they are: sessions, invitations, passwords."""

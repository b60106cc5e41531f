"""What a principal may do, one transaction each."""

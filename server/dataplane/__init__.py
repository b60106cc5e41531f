"""The data plane: gateways check every request of the tenants' API here."""

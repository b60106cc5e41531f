"""The data plane: what gateways ask, on every request of the tenants' API."""

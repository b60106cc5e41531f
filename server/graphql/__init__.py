"""The control plane: GraphQL for signed-in admins."""

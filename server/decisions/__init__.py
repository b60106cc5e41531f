"""Decides on the wire: looks a secret up, judges its terms, counts, and logs the decision."""

"""The house rules, one module a subject, and the planted breaches that try each of them."""

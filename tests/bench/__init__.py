"""The bench: `python -m tests.bench` measures the server beside its rivals, in one run."""

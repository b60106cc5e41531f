"""HTTP helpers that all surfaces share and that import none of them."""

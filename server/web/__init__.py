"""HTTP that the surfaces share, below all of them."""

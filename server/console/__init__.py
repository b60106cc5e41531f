"""The web console: its routes, its front-end sources (`web/`) and the pages built from them."""

"""`python -m server` is the `tessera` command."""

import sys

from server.cli import main

sys.exit(main())

"""`python -m operational_systems`."""

import sys

from operational_systems.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m platform_resources.cli` is `mesh`."""

from platform_resources.cli.app import main

if __name__ == "__main__":
    main()

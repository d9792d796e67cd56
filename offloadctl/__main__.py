"""`python -m offloadctl`, and the console script."""

from offloadctl.cli.app import main

__all__ = ["main"]

if __name__ == "__main__":
    main()

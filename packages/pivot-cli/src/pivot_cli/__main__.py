"""`python -m pivot_cli` is `pivot`."""

from pivot_cli.app import run

if __name__ == "__main__":
    run()

"""`python -m pivot_cli` is `pivot`."""

from pivot_cli.entry import run

if __name__ == "__main__":
    run()

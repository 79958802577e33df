"""The program as it starts, `handrail` and `python -m handrail` alike: signals are minded before the rest is loaded."""

from handrail.signals import WATCH


def main() -> None:
    """Run the program and exit with its code."""
    WATCH.begin()
    from handrail.doors import cli

    cli.main()


if __name__ == "__main__":
    main()

"""`fraud-console`: the console's commands, and those about the stack on this machine."""

from console.cli import app
from devstack.cli import add_commands


def main() -> None:
    """The entry point."""
    add_commands(app)
    app()


if __name__ == "__main__":
    main()

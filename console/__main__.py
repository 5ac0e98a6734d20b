"""`python -m console`: the console and its verbs, without the commands that run the services."""

from console.cli import app

if __name__ == "__main__":
    app()

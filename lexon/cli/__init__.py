"""The command line: thin arguments over the functions of lexon.tasks.

A user's mistake ends with its message on standard error and exit code 2, never a traceback. An
interrupt (Ctrl-C) ends with exit code 130, also where it left a model: the best epoch so far.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, ClassVar

import click

from lexon import __version__

#: Each command and the module that holds it; a module is imported when its command is used.
COMMANDS = {
    "train": "Train a network on a file of texts or of attributes.",
    "predict": "Predict labels or numbers for new texts or rows.",
    "evaluate": "Score a trained model on a file with known answers.",
    "compare": "Train several networks on the same rows, and say which is best.",
    "tune": "Search for good settings within a time.",
    "quickstart": "Train on texts that every Python brings along, in a minute.",
    "lm": "Train language models, write text with them, score them.",
    "vectors": "Train, search, score and draw word vectors.",
}


class _Interrupted(Exception):
    """Ctrl-C, with what is to be said of it; click would forget that."""


class _ReaderGone(Exception):
    """Nobody reads our output any more; click would call that a failure."""


class Commands(click.Group):
    """Commands that are imported when they are used: ``lexon --help`` starts at once."""

    table: ClassVar[dict[str, str]] = COMMANDS
    package = "lexon.cli"

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt as error:
            raise _Interrupted(str(error)) from None
        except BrokenPipeError:
            raise _ReaderGone from None

    def list_commands(self, context: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in self.table:
            return None
        command: click.Command = import_module(f"{self.package}.{name}").command
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self.table.items()))

    def resolve_command(self, context: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(context, args)
        except click.UsageError:
            import difflib

            near = difflib.get_close_matches(args[0], self.table, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(self.table)}"
            raise click.UsageError(f"there is no command {args[0]!r}: {hint}", context) from None


@click.command(cls=Commands)
@click.version_option(__version__, prog_name="lexon")
def root() -> None:
    """Neural networks for text: from a file to a trained network with honest numbers.

    \b
    lexon quickstart
    lexon train reviews.csv --text review --label stars --model cnn -o reviews.lexon
    lexon predict reviews.lexon "a wonderful film"
    """


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave the process."""
    from lexon.cli.streams import make_lasting
    from lexon.errors import InputError, NonFiniteError

    make_lasting()
    try:
        status = root.main(arguments, prog_name="lexon", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        status = 2
    except (InputError, NonFiniteError) as error:
        click.echo(f"lexon: {error}", err=True)
        status = 2
    except MemoryError as error:
        click.echo(f"lexon: not enough memory: {error}\n  make the network smaller", err=True)
        status = 2
    except (_Interrupted, KeyboardInterrupt, click.Abort) as error:
        click.echo(f"lexon: interrupted {error}".rstrip(), err=True)
        status = 130
    except _ReaderGone:  # nothing is wrong; what is left in the buffer has nowhere to go
        sys.stdout = None
        status = 0
    sys.exit(status or 0)

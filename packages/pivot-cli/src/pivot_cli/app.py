"""The `pivot` command: finds the subcommand, imports only that, and turns errors into messages and exit codes."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NamedTuple

import click

from pivot_cli import __version__

FINE, FAILED, MISUSE, STALE = 0, 1, 2, 3
PIPE_CLOSED = 128 + 13  # what a program that SIGPIPE ended gives
INTERRUPTED = 128 + 2
COMPLETE = "_PIVOT_COMPLETE"  # what the completion scripts set


class Entry(NamedTuple):
    module: str
    summary: str


COMMANDS = {
    "run": Entry("run", "Run what is out of date, and nothing else."),
    "explain": Entry("explain", "Say why each stage would run, or would not."),
    "status": Entry("status", "Show in one line a stage whether it is up to date."),
    "accept": Entry("accept", "Record changed code as equivalent, after a refactoring."),
    "forget": Entry("forget", "Remove lock files of stages that are gone."),
    "check": Entry("check", "List code that cannot be followed exactly."),
    "list": Entry("listing", "List the stages."),
    "dag": Entry("dag", "Show which stage needs which."),
    "init": Entry("init", "Create .pivot/ with its .gitignore."),
    "export": Entry("export", "Write the pipeline as a dvc.yaml."),
    "completion": Entry("completion", "Print the completion script of a shell."),
}

OF_DVC = {  # what those type who come from there, where no name of ours is much like it, or a wrong one
    "checkout": "`pivot run` puts outs back that are missing.",
    "import": "A pipeline of DVC is carried over by hand: the page Coming from DVC of the documentation says how.",
    "pull": "Outs are kept on this machine only; what `dvc add` keeps, `dvc pull` fetches.",
    "push": "Outs are kept on this machine only.",
    "repro": "Did you mean 'run'?",
}


class LazyGroup(click.Group):
    """A group that knows its commands by name, and imports one when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's interface
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's interface
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command = importlib.import_module(f"pivot_cli.commands.{entry.module}").command
        assert isinstance(command, click.Command)
        command.short_help = entry.summary  # shells show it beside what they complete
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            import difflib

            if args[0] in OF_DVC:
                raise click.UsageError(f"{error.message} {OF_DVC[args[0]]}", ctx) from None
            close = difflib.get_close_matches(args[0], COMMANDS, 1)
            if close:
                raise click.UsageError(f"{error.message} Did you mean {close[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's interface
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.summary) for name, entry in COMMANDS.items()])


def _show_version(ctx: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or ctx.resilient_parsing:
        return
    click.echo(f"pivot {__version__}")
    ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-C",
    "directory",
    metavar="DIR",
    type=click.Path(),
    help="Work as if started in DIR.",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.pass_context
def cli(ctx: click.Context, directory: str | None) -> None:
    """Run pipelines of plain Python functions, and re-run only what changed: data, parameters or code."""
    from pathlib import Path  # takes as long as all of --help

    ctx.obj = None if directory is None else Path(directory)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    code = _run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
    except OSError as error:
        return code or _told(error)
    return code


def _run(arguments: list[str]) -> int:
    try:
        result = _invoke(arguments)
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        return INTERRUPTED
    except click.ClickException as error:
        _show_misuse(error)
        return MISUSE
    except Exception as error:  # noqa: BLE001 - whatever it is, users get a message and no frames of ours
        return _told(error)
    return result if isinstance(result, int) else FINE


def _show_misuse(error: click.ClickException) -> None:
    """In the form of all other errors; where no command was given, the help."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if isinstance(error, click.UsageError) and context is not None and message == context.get_help():
        click.echo(message, err=True)
        return
    click.echo(f"error: {message[:1].lower()}{' '.join(message[1:].split())}", err=True)
    if isinstance(error, click.NoSuchOption) and context is not None and error.option_name == "-C":
        click.echo(f"hint: It stands before the command: `pivot -C DIR {context.info_name}`.", err=True)
    elif context is not None:
        click.echo(f"hint: `{context.command_path} --help` shows what it takes.", err=True)


def _told(error: Exception) -> int:
    if isinstance(error, BrokenPipeError):
        return PIPE_CLOSED  # whoever read has read enough
    from pivot_cli.failures import show_failure

    return show_failure(error)


def _invoke(arguments: list[str]) -> object:
    """Run the command; returns what it returned, or the code that it asked to exit with."""
    if COMPLETE in os.environ:
        return cli.main(arguments, prog_name="pivot", complete_var=COMPLETE)
    # Not by `cli.main`, which takes an EOFError for an interrupt, and a closed pipe for a failure.
    try:
        with cli.make_context("pivot", arguments) as context:
            return cli.invoke(context)
    except click.exceptions.Exit as asked:
        return asked.exit_code

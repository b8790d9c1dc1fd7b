"""`pivot completion`: the script that makes a shell complete commands, options and stage names."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pivot_cli.app import COMPLETE, cli


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the completion script of SHELL: put `eval "$(pivot completion bash)"` into ~/.bashrc, say."""
    complete = get_completion_class(shell)
    assert complete is not None
    click.echo(complete(cli, {}, "pivot", COMPLETE).source())

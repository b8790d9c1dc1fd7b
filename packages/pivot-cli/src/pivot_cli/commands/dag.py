"""`pivot dag`: the graph as text, mermaid or dot."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import click
from pivot_core.graph import Graph
from pivot_core.targets import select

from pivot_cli.session import opened_to_look
from pivot_cli.targets import complete


@click.command("dag")
@click.argument("targets", nargs=-1, shell_complete=complete)
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot"]), default="text", show_default=True)
@click.pass_obj
def command(directory: Path | None, targets: tuple[str, ...], form: str) -> None:
    """Show which stage needs which; with TARGETS, only what those need."""
    with opened_to_look(directory) as here:
        graph = here.workspace.graph
        stages = graph.with_upstreams(select(graph, targets, here.project.root, Path.cwd()))
    write = {"text": _text, "mermaid": _mermaid, "dot": _dot}[form]
    click.echo("\n".join(write(graph, stages)))


def _text(graph: Graph, stages: tuple[str, ...]) -> Iterator[str]:
    for name in stages:
        ups = graph.upstreams[name]
        yield f"{name} ← {', '.join(ups)}" if ups else name


def _mermaid(graph: Graph, stages: tuple[str, ...]) -> Iterator[str]:
    numbers = {name: f"s{number}" for number, name in enumerate(stages)}
    yield "flowchart TD"
    for name, number in numbers.items():
        quoted = name.replace('"', "#quot;")
        yield f'    {number}["{quoted}"]'
    for name in stages:
        for upstream in graph.upstreams[name]:
            yield f"    {numbers[upstream]} --> {numbers[name]}"


def _dot(graph: Graph, stages: tuple[str, ...]) -> Iterator[str]:
    yield "digraph pipeline {"
    for name in stages:
        yield f"    {_quoted(name)};"
        for upstream in graph.upstreams[name]:
            yield f"    {_quoted(upstream)} -> {_quoted(name)};"
    yield "}"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)

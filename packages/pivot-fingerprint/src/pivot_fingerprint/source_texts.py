"""Syntax trees → text in normal form, made when somebody asks for it."""

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import Final

_BLOCKS: Final = ("body", "orelse", "finalbody", "handlers", "cases")


class SourceTexts(Mapping[str, str]):
    """Source texts by digest."""

    def __init__(self, trees: Mapping[str, list[ast.AST]]) -> None:
        self._trees = trees

    def __getitem__(self, digest: str) -> str:
        return "\n\n".join(normal_text(tree) for tree in self._trees[digest])

    def __iter__(self) -> Iterator[str]:
        return iter(self._trees)

    def __len__(self) -> int:
        return len(self._trees)


def normal_text(tree: ast.AST) -> str:
    """The source of `tree` without comments, docstrings and the author's formatting."""
    return ast.unparse(_bare(tree))


def _bare(node: ast.AST) -> ast.AST:
    """`node` without statements that are constants, as docstrings are. Expressions are shared, not copied."""
    blocks = {name: block for name in _BLOCKS if isinstance(block := getattr(node, name, None), list)}
    if not blocks:
        return node
    bare = copy.copy(node)
    for name, block in blocks.items():
        kept = [_bare(item) for item in block if not _is_constant(item)]
        setattr(bare, name, [ast.Pass()] if block and not kept and name != "orelse" else kept)
    return bare


def _is_constant(statement: ast.AST) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)

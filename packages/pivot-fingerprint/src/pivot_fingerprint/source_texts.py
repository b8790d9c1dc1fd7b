"""Syntax trees → text in normal form, made when somebody asks for it."""

import ast
import copy
from collections.abc import Iterator, Mapping
from typing import Any


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
    return ast.unparse(_WithoutDocstrings().visit(copy.deepcopy(tree)))


class _WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node: ast.AST) -> ast.AST:
        super().generic_visit(node)
        body: Any = getattr(node, "body", None)
        if isinstance(body, list):
            kept = [item for item in body if not (isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant))]
            node.body = kept or [ast.Pass()]  # type: ignore[attr-defined] # it has a body
        return node

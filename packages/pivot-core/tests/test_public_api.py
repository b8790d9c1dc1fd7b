"""What `import pivot_core` offers."""

from __future__ import annotations

import inspect
import subprocess
import sys
from types import ModuleType

import pivot_core
import pytest


@pytest.mark.parametrize("name", pivot_core.__all__)
def test_every_public_name_is_there_and_documented(name: str) -> None:
    value = getattr(pivot_core, name)
    assert not isinstance(value, ModuleType)
    assert inspect.getdoc(value)


def test_no_public_name_is_hidden_by_a_module_of_that_name() -> None:
    assert not {home for home in pivot_core._HOMES if home in pivot_core.__all__}
    assert sorted(pivot_core._HOME_OF) == sorted(pivot_core.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_such"):
        pivot_core.nothing_such  # noqa: B018 - looking it up is the test


def test_what_a_pipeline_imports_loads_neither_yaml_nor_sqlite() -> None:
    heavy = "('yaml', 'sqlite3', 'cattrs', 'filelock')"
    program = f"import sys; from pivot import stage; print([name for name in {heavy} if name in sys.modules])"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"

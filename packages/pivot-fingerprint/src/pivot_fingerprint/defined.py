"""The source file that an object is defined in: which project is meant, where nobody says."""

import inspect
import sys
from functools import cached_property, partial, partialmethod
from pathlib import Path
from types import FunctionType, MethodType, ModuleType


def file_of(obj: object) -> Path:
    """The source file that `obj` is defined in. Raises TypeError if there is none.

    For a partial or a wrapper that is the file of the function inside, for a bound method or an instance that of the
    class.
    """
    inner = obj
    while (function := _function_in(inner)) is not None:
        inner = function
    try:
        return Path(inspect.getfile(_definition(inner)))
    except (TypeError, OSError):
        raise TypeError(f"{obj!r} is not defined in a source file: give a Fingerprinter its project") from None


def _definition(obj: object) -> type | FunctionType | ModuleType:
    """The definition nearest to an object: an instance may say by itself where it is from, as wrappers do."""
    if isinstance(obj, type | FunctionType | ModuleType):
        return obj
    name = getattr(obj, "__module__", None)
    return sys.modules.get(name, type(obj)) if isinstance(name, str) else type(obj)


def _function_in(obj: object) -> object | None:
    match obj:
        case partial() | partialmethod() | cached_property():
            return obj.func
        case property():
            return obj.fget
        case MethodType():
            return obj.__self__ if isinstance(obj.__self__, type) else type(obj.__self__)
        case type() | ModuleType():
            return None
    return inspect.unwrap(obj.__wrapped__) if hasattr(obj, "__wrapped__") else None

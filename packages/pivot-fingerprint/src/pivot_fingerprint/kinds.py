"""Questions to a live object that it has no say in: `isinstance` asks it for its `__class__`, maybe its own code."""

import types
from functools import partial
from typing import Any, TypeIs


def is_a[T](value: object, cls: type[T]) -> TypeIs[T]:
    """Whether the type of `value` is `cls` or derived from it."""
    return issubclass(type(value), cls)


def is_cached(value: object) -> bool:
    """Whether this is a function behind `functools.cache` or `lru_cache`."""
    return type(value).__name__ == "_lru_cache_wrapper" and type(value).__module__ == "functools"


def is_function_like(value: object) -> bool:
    """Whether the value is a function, or one behind `functools` wrappers."""
    return is_a(value, types.FunctionType) or is_a(value, types.MethodType) or is_a(value, partial) or is_cached(value)


def innermost(value: Any) -> Any:
    """The function inside partials, methods and wrappers that keep what they wrap."""
    for _ in range(20):
        if is_a(value, types.FunctionType):
            inner = vars(value).get("__wrapped__")
        elif is_a(value, types.MethodType) or is_a(value, staticmethod) or is_a(value, classmethod):
            inner = value.__func__
        elif is_a(value, property):
            inner = value.fget
        elif is_function_like(value):
            inner = getattr(value, "func", None) or getattr(value, "__wrapped__", None)
        else:
            inner = None
        if inner is None:
            return value
        value = inner
    return value

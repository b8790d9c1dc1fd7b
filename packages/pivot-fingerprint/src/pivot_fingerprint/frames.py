"""The content of arrays and data frames, without importing the libraries they come from."""

import io
from collections.abc import Iterator
from typing import Any

import xxhash


def frame_content(value: Any, module: str) -> Iterator[object] | None:
    """Plain values that say what an array, frame, series or table holds; None if `value` is none of these.

    `module` is where its type is from.
    """
    library = module.partition(".")[0]
    name = type(value).__name__
    if library == "numpy":
        return _numpy(value, name)
    if library == "pandas" and name in ("DataFrame", "Series"):
        return _pandas(value)
    if library == "pandas" and name.endswith("Index"):
        return _pandas_index(value)
    if library == "polars" and name in ("DataFrame", "Series"):
        return _polars(value, name)
    if library == "pyarrow" and name in ("Table", "RecordBatch"):
        return _arrow(value)
    return None


def _numpy(value: Any, name: str) -> Iterator[object] | None:
    if name == "ndarray":
        return _array(value)
    if hasattr(value, "dtype") and hasattr(value, "tobytes") and value.dtype.hasobject is False:
        return iter((str(value.dtype), value.tobytes()))
    if hasattr(value, "descr") and hasattr(value, "itemsize"):
        return iter((str(value),))
    return None


def _array(value: Any) -> Iterator[object]:
    yield str(value.dtype)
    yield value.shape
    yield value.flags.fnc  # in columns: sums may add up in another order
    if value.dtype.hasobject:
        yield value.tolist()
    else:
        yield xxhash.xxh3_128_hexdigest(value.tobytes())


def _pandas(value: Any) -> Iterator[object]:
    yield value.attrs
    yield value.flags.allows_duplicate_labels
    yield from _pandas_index(value.index)
    if type(value).__name__ == "Series":
        yield value.name
        yield from _column(value)
        return
    yield from _pandas_index(value.columns)
    for position in range(value.shape[1]):
        yield from _column(value.iloc[:, position])


def _column(value: Any) -> Iterator[object]:
    yield str(value.dtype)
    categories = getattr(value.dtype, "categories", None)
    if categories is not None:
        yield list(categories)
    yield _hashed(value)


def _pandas_index(value: Any) -> Iterator[object]:
    yield type(value).__name__
    yield list(value.names)
    yield str(value.dtype)
    yield str(getattr(value, "freq", ""))
    yield _hashed(value)


def _hashed(value: Any) -> object:
    import pandas as pd  # type: ignore[import-untyped] # it has no stubs of its own

    try:
        hashes = pd.util.hash_pandas_object(value, index=False)
    except TypeError:
        return value.tolist()
    return len(value), xxhash.xxh3_128_hexdigest(hashes.to_numpy().tobytes())


def _polars(value: Any, name: str) -> Iterator[object]:
    frame = value.to_frame() if name == "Series" else value
    yield str(frame.schema)
    try:
        buffer = io.BytesIO()
        frame.rechunk().write_ipc(buffer)
    except Exception:  # noqa: BLE001 # a column of Python objects has no such form; polars says so by a panic as well
        yield frame.to_dict(as_series=False)
    else:
        yield xxhash.xxh3_128_hexdigest(buffer.getvalue())


def _arrow(value: Any) -> Iterator[object]:
    yield str(value.schema)
    yield value.to_pydict()

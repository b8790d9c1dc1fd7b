"""What libraries do only when they are first used, done once, before a process for each stage is forked.

Python fits bytecode to what it works on as it runs, and libraries keep what they have looked up: a fork would do all
that anew, in memory that has to be copied for it. With pandas that takes as long as the work of many a stage.
"""

from __future__ import annotations

import functools
import io
import sys
import warnings
from collections.abc import Callable
from typing import Any

_TIMES = 2  # Python fits bytecode to what it works on when it runs again


def all_imported() -> None:
    """Use the libraries that are imported and known here; the first call does, however often this is called.

    That starts no thread, opens no file, draws no random number, sets no option and prints nothing.
    """
    for name in _USES:
        if name in sys.modules:
            _use(name)


@functools.cache
def _use(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for _ in range(_TIMES):
                _USES[name](sys.modules[name])
        except Exception:  # noqa: BLE001 - another version may not have what is used: then stages do it themselves
            return


def _use_pandas(pd: Any) -> None:
    frame = pd.DataFrame({"whole": [1, 2, 3], "part": [0.5, 1.5, 2.5], "word": ["a", "b", "a"]})
    text = io.BytesIO()
    frame.to_csv(text, index=False)
    text.seek(0)
    frame = pd.read_csv(text)
    frame["more"] = (frame["whole"] * 1.5 + frame["part"]).round(2) % 7
    frame["mean"] = frame["part"].rolling(2, min_periods=1).mean()
    frame.groupby("word").agg({"more": "sum"}).reset_index()
    frame.merge(frame[["whole", "mean"]], on="whole")
    frame.sort_values("part")
    frame[frame["whole"] > 1].dropna().fillna(0)
    pd.concat([frame, frame]).drop(columns="more")


_USES: dict[str, Callable[[Any], None]] = {"pandas": _use_pandas}

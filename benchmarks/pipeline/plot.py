"""A plot as SVG: panels of horizontal bars on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from xml.sax.saxutils import escape

import attrs

WIDTH, LABEL, BAR, GAP, TITLE, PAD = 300, 92, 15, 5, 34, 16
OWN, OTHER, FLOOR, INK, PALE = "#2a6f97", "#b3bac2", "#dfe3e8", "#24292f", "#6b737c"
FONT = 'font-family="system-ui, sans-serif" font-size="12"'


@attrs.frozen
class Bar:
    label: str
    seconds: float
    kind: str = "other"  # own, other or floor


@attrs.frozen
class Panel:
    title: str
    bars: tuple[Bar, ...]

    @property
    def height(self) -> int:
        return TITLE + len(self.bars) * (BAR + GAP) + PAD


def svg(panels: Sequence[Sequence[Panel]]) -> str:
    """Rows of panels. All share one scale, so that bars can be compared across panels."""
    seconds = [bar.seconds for row in panels for panel in row for bar in panel.bars]
    low, high = math.floor(math.log10(min(seconds))), math.log10(max(seconds))
    width = PAD + max(len(row) for row in panels) * (WIDTH + PAD)
    heights = [max(panel.height for panel in row) for row in panels]
    height = sum(heights) + PAD
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" {FONT} role="img">',
        f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>',
    ]
    top = PAD
    for row, below in zip(panels, heights, strict=True):
        for number, panel in enumerate(row):
            lines.append(f'<g transform="translate({PAD + number * (WIDTH + PAD)} {top})">')
            lines += _panel(panel, low, high)
            lines.append("</g>")
        top += below
    return "\n".join([*lines, "</svg>", ""])


def _panel(panel: Panel, low: float, high: float) -> Iterator[str]:
    yield f'<text y="14" font-weight="600" fill="{INK}">{escape(panel.title)}</text>'
    room = WIDTH - LABEL - 58
    for number, bar in enumerate(panel.bars):
        top = TITLE - 8 + number * (BAR + GAP)
        length = max(2.0, room * (math.log10(bar.seconds) - low) / (high - low))
        fill = {"own": OWN, "floor": FLOOR}.get(bar.kind, OTHER)
        weight = ' font-weight="600"' if bar.kind == "own" else ""
        yield f'<text x="{LABEL - 6}" y="{top + 12}" text-anchor="end" fill="{INK}"{weight}>{escape(bar.label)}</text>'
        yield f'<rect x="{LABEL}" y="{top}" width="{length:.1f}" height="{BAR}" rx="2" fill="{fill}"/>'
        yield f'<text x="{LABEL + length + 5:.1f}" y="{top + 12}" fill="{PALE}">{_shown(bar.seconds)}</text>'


def _shown(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:.3g} s"

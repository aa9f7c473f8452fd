"""Numbers and texts as the page writes them."""

from __future__ import annotations

import math
import re

#: The longest text shown unopened, and the longest there to be opened, in characters.
SHOWN, WHOLE = 240, 20_000
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_KANA = re.compile(r"[\u3040-\u30ff]")


def shorten(text: str, length: int) -> str:
    """At most ``length`` characters of a text, the last one an ellipsis if something is cut."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"


def language(text: str) -> str:
    """The language tag that picks the right shapes of Han characters; empty for other scripts."""
    if _KANA.search(text):
        return "ja"
    return "zh" if _HAN.search(text) else ""


def number(value: float | None) -> str:
    """A score or a loss: four decimals, or three digits where those would say nothing."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size = abs(value)
    if size and (size < 0.001 or size >= 1e9):
        text = f"{value:.3g}"
    else:
        text = f"{value:,.{4 if size < 1000 else 1}f}"
    return text.replace("-", "−")


def difference(value: float) -> str:
    """A difference, with its sign."""
    return f"+{number(value)}" if value > 0 else number(value)


def percent(share: float) -> str:
    """A share of rows in percent; a share that is neither none nor all never reads so."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{100 * share:.1f}%"


def duration(seconds: float) -> str:
    """Seconds, minutes and seconds, or hours and minutes."""
    if seconds < 59.95:  # what rounds to 60.0 is a minute
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def memory(size: float) -> str:
    """Bytes as MiB or GiB."""
    return f"{size / 2**30:.2f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"

"""The figures of the report, as SVG that stands inside a page and takes its colours from it."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Any

from lexon.report.words import shorten
from lexon.train.history import Epoch, History

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Matplotlib cannot write a CSS variable: these colours stand for one until the SVG is made.
_INK, _FAINT, _FIRST, _SECOND, _PAPER = "#010203", "#010204", "#010205", "#010206", "#010207"
_VARIABLES = {
    _INK: "var(--ink)",
    _FAINT: "var(--line)",
    _FIRST: "var(--first)",
    _SECOND: "var(--second)",
    _PAPER: "var(--paper)",
}
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # letters stay letters: any script that the reader has a font for
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.unicode_minus": True,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.size": 10,
    "grid.color": _FAINT,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "lines.linewidth": 2,
    "text.color": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}
_SIZE = (4.6, 3.0)
#: More points than this are thinned out.
POINTS = 2000
#: Curves of at most so many epochs show each epoch as a dot.
_DOTTED = 30
#: A longer name of a score would leave no room for its curve.
_LONGEST_NAME = 24

Values = Sequence[float | None]


def loss_curve(history: History) -> str:
    """Training and validation loss by epoch; empty if there is no finite loss."""
    training = [epoch.loss for epoch in history.epochs]
    validation = [epoch.valid_loss for epoch in history.epochs]
    if not _any_finite(training) and not _any_finite(validation):
        return ""

    def draw(axes: Axes) -> None:
        _curve(axes, history, training, _FIRST, "-", "training")
        if _any_finite(validation):
            _curve(axes, history, validation, _SECOND, "--", "validation")
        _mark_best(axes, history)
        _legend(axes)

    return _svg("loss", "Loss by epoch", "loss", draw)


def score_curve(history: History) -> str:
    """The held-out score by epoch with the best one marked; empty if nothing was scored."""
    scores = [epoch.score for epoch in history.epochs]
    if not _any_finite(scores):
        return ""

    measure = shorten(history.measure, _LONGEST_NAME)

    def draw(axes: Axes) -> None:
        _curve(axes, history, scores, _FIRST, "-", measure)
        best = best_epoch(history)
        _mark_best(axes, history)
        if best is not None and best.score is not None and math.isfinite(best.score):
            axes.plot(
                [best.epoch],
                [best.score],
                color=_SECOND,
                marker="o",
                markersize=9,
                markerfacecolor="none",
                markeredgewidth=2,
                linestyle="none",
                label=f"best: {best.score:.4f}",
            )
            _legend(axes)

    return _svg("score", f"Held-out {measure} by epoch", f"held-out {measure}", draw)


def gradient_curve(history: History) -> str:
    """The gradient's norm before clipping, by epoch; empty if no step was clipped."""
    norms = [epoch.gradient_norm for epoch in history.epochs]
    if not any(epoch.clipped > 0 for epoch in history.epochs) or not _any_finite(norms):
        return ""

    def draw(axes: Axes) -> None:
        _curve(axes, history, norms, _FIRST, "-", "gradient norm")
        _mark_best(axes, history)

    return _svg("gradient", "Gradient norm by epoch", "gradient norm", draw)


def scatter(truth: Sequence[float], predicted: Sequence[float]) -> str:
    """Predicted values over true ones, thinned to ``POINTS``; empty if no pair is finite."""
    pairs = [pair for pair in zip(truth, predicted, strict=True) if all(map(math.isfinite, pair))]
    if not pairs:
        return ""
    shown = pairs[:: -(-len(pairs) // POINTS)]
    low, high = min(chain(*shown)), max(chain(*shown))

    def draw(axes: Axes) -> None:
        axes.plot([low, high], [low, high], color=_SECOND, linestyle="--", label="no error")
        axes.plot(
            [pair[0] for pair in shown],
            [pair[1] for pair in shown],
            color=_FIRST,
            marker="o",
            markersize=4,
            markeredgewidth=0,
            linestyle="none",
            alpha=0.5,
        )
        axes.set_xlabel("truth")
        _legend(axes)

    return _svg("scatter", "Predicted values over true values", "predicted", draw, (5.2, 4.2))


def best_epoch(history: History) -> Epoch | None:
    """The epoch whose weights were kept, if there is one."""
    return next((epoch for epoch in history.epochs if epoch.epoch == history.best), None)


def _any_finite(values: Values) -> bool:
    return any(value is not None and math.isfinite(value) for value in values)


def _curve(
    axes: Axes, history: History, values: Values, colour: str, style: str, label: str
) -> None:
    from matplotlib.ticker import FixedLocator, MaxNLocator

    finite = [math.nan if v is None or not math.isfinite(v) else v for v in values]
    marker = "o" if len(finite) <= _DOTTED else ""
    epochs = [epoch.epoch for epoch in history.epochs]
    axes.plot(
        epochs, finite, color=colour, linestyle=style, marker=marker, markersize=4, label=label
    )
    axes.set_xlabel("epoch")
    several = MaxNLocator(nbins=9, steps=[1, 2, 5, 10], integer=True)
    axes.xaxis.set_major_locator(several if len(epochs) > 1 else FixedLocator(epochs))


def _legend(axes: Axes) -> None:
    """Above the axes, where no curve runs."""
    axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)


def _mark_best(axes: Axes, history: History) -> None:
    best = best_epoch(history)
    if best is not None:
        axes.axvline(best.epoch, color=_INK, linestyle=":", linewidth=1)


def _svg(
    name: str,
    title: str,
    label: str,
    draw: Callable[[Axes], None],
    size: tuple[float, float] = _SIZE,
) -> str:
    """The SVG of one pair of axes; ``name`` keeps its ids apart from those of other figures."""
    from matplotlib.figure import Figure

    with _settings(name):
        figure = Figure(figsize=size, layout="constrained")
        figure.patch.set_visible(False)
        axes = figure.add_subplot()
        axes.patch.set_visible(False)
        draw(axes)
        axes.set_ylabel(label)
        return _embeddable(_save(figure), title)


@contextmanager
def _settings(name: str) -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's matplotlibrc says."""
    import matplotlib

    with matplotlib.rc_context(), warnings.catch_warnings():
        # Only the width of a text depends on the font that Matplotlib has for it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update({**_SETTINGS, "svg.hashsalt": f"lexon {name}"})
        yield


def _save(figure: Figure) -> str:
    buffer = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=nothing)
    return buffer.getvalue()


def _embeddable(document: str, title: str) -> str:
    """One ``svg`` element without prologue, namespaces, size, style, or ids that nobody uses."""
    _, _, rest = document.partition("<svg")
    head, _, body = rest.partition(">")
    box = re.search(r'viewBox="[^"]*"', head)
    for unwanted in (
        r"<metadata>.*?</metadata>\s*",
        r"<style.*?</style>\s*",
        r"font-family: [^;]*; ",
    ):
        body = re.sub(unwanted, "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', body))
    body = re.sub(
        r' id="([^"]*)"', lambda match: match[0] if match[1] in used else "", body
    ).rstrip()
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, variable)
    shape = box[0] if box else ""
    return f'<svg {shape} role="img" aria-label="{escape(title)}">{body}'

"""A map of the frequent words: one HTML page that works offline."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import re
from collections.abc import Callable
from importlib import resources
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from lexon import parallel
from lexon.errors import InputError
from lexon.vectors import similarity

if TYPE_CHECKING:
    from lexon.vectors.lookup import Lookup

Array: TypeAlias = npt.NDArray[Any]
Watcher: TypeAlias = Callable[[str, float], None]

#: How the words can be laid out.
LAYOUTS = ("pca", "tsne")
#: Neighbours kept for each word, and the width of the map in its own unit.
NEIGHBOURS, WIDTH = 10, 10_000
#: Fewer words than this have no neighbourhoods to lay out by t-SNE.
_FEWEST = 5


def render(
    vectors: Lookup,
    words: int = 2_000,
    layout: str = "pca",
    title: str = "Word vectors",
    watch: Watcher = lambda stage, share: None,
) -> str:
    """The page: the first ``words`` on a plane, each with its nearest neighbours among all words.

    "pca" shows the two directions in which the words differ most; "tsne" keeps neighbours
    together, and takes seconds to minutes for thousands of words. ``watch`` is told the stage and
    the share of it that is done. Equal vectors give equal pages.

    Raises:
        InputError: another layout, or fewer than one word.
    """
    if layout not in LAYOUTS:
        raise InputError(f"there is no layout {layout!r}; use one of {', '.join(LAYOUTS)}")
    if words < 1:
        raise InputError(f"words is {words}; it must be at least 1")
    number = min(words, len(vectors))
    units = vectors.vectors[:number] * vectors.inverse_norms[:number, None]
    plane = _tsne(units, watch) if layout == "tsne" and number >= _FEWEST else pca(units)
    return _page(_content(vectors, units, plane, title, layout, watch))


def pca(points: Array) -> Array:
    """The places of points along the two directions in which they differ most.

    Shapes: (N, D) -> (N, 2)
    """
    centred = np.asarray(points - points.mean(0), np.float64)
    _, directions = np.linalg.eigh(centred.T @ centred)
    two = directions[:, ::-1][:, :2]
    two = two * np.sign(two[np.abs(two).argmax(0), range(two.shape[1])])  # one of two mirror images
    places = np.zeros((len(points), 2))
    places[:, : two.shape[1]] = centred @ two
    return places


def _tsne(points: Array, watch: Watcher) -> Array:
    """As `pca`, by t-SNE: neighbours stay neighbours."""
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    perplexity = min(30.0, (len(points) - 1) / 3)
    method = TSNE(perplexity=perplexity, init="pca", random_state=0, max_iter=1000, verbose=2)
    with contextlib.redirect_stdout(_Listener(watch)), threadpool_limits(parallel.threads()):
        places: Array = method.fit_transform(points)
    return places


class _Listener(io.StringIO):
    """Hears from what scikit-learn prints how far it is."""

    def __init__(self, watch: Watcher) -> None:
        super().__init__()
        self._watch = watch

    def write(self, text: str) -> int:
        for step in re.findall(r"Iteration (\d+)", text):
            self._watch("laying out", int(step) / 1000)
        return len(text)


def _content(
    vectors: Lookup, units: Array, plane: Array, title: str, layout: str, watch: Watcher
) -> dict[str, Any]:
    number = len(units)
    near: list[list[tuple[str, float]]] = []
    for start in range(0, number, 512):
        watch("finding neighbours", start / number)
        queries = units[start : start + 512]
        found = similarity.nearest(vectors.vectors, vectors.inverse_norms, queries, NEIGHBOURS + 1)
        for own, (rows, values) in enumerate(zip(*(f.tolist() for f in found), strict=True), start):
            pairs = [pair for pair in zip(rows, values, strict=True) if pair[0] != own]
            near.append([(vectors.index_to_key[r], round(v, 4)) for r, v in pairs[:NEIGHBOURS]])
    low = plane.min(0)
    scale = WIDTH / max(float((plane.max(0) - low).max()), 1e-12)
    return {
        "title": title,
        "layout": {"pca": "PCA", "tsne": "t-SNE"}[layout],
        "total": len(vectors),
        "words": vectors.index_to_key[:number],
        "places": np.rint((plane - low) * scale).astype(int).tolist(),
        "near": near,
    }


def _page(content: dict[str, Any]) -> str:
    from jinja2 import Environment, StrictUndefined

    files = resources.files("lexon.vectors")
    script = files.joinpath("map.js").read_text("utf-8").strip()
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {"ensure_ascii": False, "separators": (",", ":")}
    template = environment.from_string(files.joinpath("map.html").read_text("utf-8"))
    page = template.render(content=content, script=script, digest=digest)
    # Half a surrogate pair stands for a byte that is no UTF-8; it cannot be written.
    return page.encode("utf-8", "replace").decode()

"""The map: a page that holds its words and exact neighbours, and nothing that runs but its own."""

from __future__ import annotations

import base64
import hashlib
import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lexon import parallel
from lexon.errors import InputError
from lexon.vectors import KeyedVectors
from lexon.vectors import map as maps

NASTY = "</script><script>alert(1)</script>"
WORDS = ["the", "北京", NASTY, "<b>&amp;", "a\u2028b", "\udcff", *(f"w{n}" for n in range(44))]


def some() -> KeyedVectors:
    return KeyedVectors(WORDS, np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32))


class _Page(html.parser.HTMLParser):
    """What a browser would take for scripts, and for things to fetch."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[str | None, str]] = []
        self.fetched: list[str] = []
        self.policy = ""
        self._in_script = False
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.fetched += [value or "" for name, value in attributes if name in ("src", "href")]
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = given["content"] or ""
        self._in_script = tag == "script"
        if self._in_script:
            self.scripts.append((given.get("type"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._in_script = False

    def handle_data(self, data: str) -> None:
        if self._in_script:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)


def content(page: str) -> dict[str, Any]:
    [(_, data)] = [script for script in _Page(page).scripts if script[0] == "application/json"]
    return dict(json.loads(data))


def test_the_page_is_offline_and_runs_only_its_own_script() -> None:
    page = _Page(maps.render(some(), title=NASTY))
    assert page.fetched == []
    assert [kind for kind, _ in page.scripts] == ["application/json", None]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1][1].encode()).digest()).decode()
    assert "default-src 'none'" in page.policy and f"script-src 'sha256-{digest}'" in page.policy
    assert "https://" not in page.scripts[1][1]


def test_words_stand_on_the_page_as_they_are() -> None:
    page = maps.render(some(), words=30, title="漢字 & <i>")
    found = content(page)
    assert found["words"] == ["?" if word == "\udcff" else word for word in WORDS[:30]]
    assert found["title"] == "漢字 & <i>" and "漢字 &amp; &lt;i&gt;" in page and "北京" in page
    assert "The first 30 of 50 words" in page
    assert maps.render(some(), words=30, title="漢字 & <i>") == page


def test_neighbours_are_exact_and_of_all_words() -> None:
    vectors = some()
    found = content(maps.render(vectors, words=9))
    assert len(found["near"]) == 9
    for word, near in zip(WORDS[:9], found["near"], strict=True):
        wanted = vectors.most_similar(word, topn=10)
        assert [w for w, _ in near] == ["?" if w == "\udcff" else w for w, _ in wanted]
        assert [c for _, c in near] == pytest.approx([c for _, c in wanted], abs=1e-4)


def test_the_two_main_directions_are_found() -> None:
    draw = np.random.default_rng(1)
    plane = draw.normal(size=(200, 2)) * [5, 2]
    turn = np.linalg.qr(draw.normal(size=(7, 7)))[0]
    points = np.hstack([plane, 0.01 * draw.normal(size=(200, 5))]) @ turn + 3
    found = maps.pca(points)
    left, size, _ = np.linalg.svd(points - points.mean(0))
    wanted = left[:, :2] * size[:2]
    np.testing.assert_allclose(np.abs(found), np.abs(wanted), atol=1e-9)
    assert found.std(0) == pytest.approx(plane.std(0), rel=0.05)
    np.testing.assert_allclose(maps.pca(-points), -found, atol=1e-9)


def test_places_fill_the_map_and_keep_their_shape() -> None:
    vectors = some()
    units = vectors.vectors / np.linalg.norm(vectors.vectors, axis=1, keepdims=True)
    wanted, places = maps.pca(units), np.array(content(maps.render(vectors))["places"])
    assert places.min() == 0 and places.max() == maps.WIDTH
    far = [np.linalg.norm(p[:, None] - p, axis=2).ravel() for p in (wanted, places)]
    assert np.corrcoef(*far)[0, 1] > 0.999999


@pytest.mark.parametrize(("words", "width"), [(1, 3), (2, 1), (4, 1), (3, 40)])
def test_small_tables_have_a_map(words: int, width: int) -> None:
    vectors = KeyedVectors(WORDS[:words], np.eye(words, width, dtype=np.float32))
    for layout in maps.LAYOUTS:
        found = content(maps.render(vectors, layout=layout))
        assert len(found["places"]) == words and np.isfinite(found["places"]).all()


def test_neighbours_stay_together_by_t_sne_and_progress_is_told(
    capsys: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(parallel, "threads", lambda: 1)
    draw = np.random.default_rng(0)
    groups = draw.normal(size=(3, 8)).repeat(20, 0) * 10 + draw.normal(size=(60, 8))
    vectors = KeyedVectors([f"w{n}" for n in range(60)], groups)
    heard: list[tuple[str, float]] = []
    page = maps.render(vectors, layout="tsne", watch=lambda *told: heard.append(told))
    places = np.array(content(page)["places"]).reshape(3, 20, 2)
    centres = places.mean(1)
    spread = np.linalg.norm(places - centres[:, None], axis=2).max()
    apart = np.linalg.norm(centres[:, None] - centres, axis=2)[np.triu_indices(3, 1)].min()
    assert apart > 2 * spread
    shares = [share for stage, share in heard if stage == "laying out"]
    assert shares == sorted(shares) and shares[-1] == 1 and len(shares) > 5
    assert capsys.readouterr().out == ""


def test_other_layouts_and_no_words_are_refused() -> None:
    with pytest.raises(InputError, match="no layout 'umap'; use one of pca, tsne"):
        maps.render(some(), layout="umap")
    with pytest.raises(InputError, match="words is 0"):
        maps.render(some(), words=0)


def test_the_script_is_javascript(tmp_path: Path) -> None:
    if shutil.which("node") is None:
        pytest.skip("there is no node to check the script with")
    [script] = [text for kind, text in _Page(maps.render(some())).scripts if kind is None]
    (tmp_path / "map.js").write_text(script, encoding="utf-8")
    done = subprocess.run(["node", "--check", str(tmp_path / "map.js")], capture_output=True)
    assert done.returncode == 0, done.stderr
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", script)

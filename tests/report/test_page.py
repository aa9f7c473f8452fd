"""The page stands alone, lets nothing through, and says what the outcome says."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lexon.errors import InputError
from lexon.report import render, render_evaluation, write
from lexon.report.page import DUPLICATES
from lexon.report.sections import TOKENS
from lexon.tasks.evaluation import ClassScore, Evaluation, Example, evaluate_numbers
from lexon.tasks.outcome import Explanation, Fired, Outcome
from lexon.train.history import History
from tests.report import samples

SAMPLES = {
    "binary": samples.binary,
    "twelve classes": lambda: samples.many(12),
    "forty classes": lambda: samples.many(40),
    "multi-label": samples.multi_label,
    "regression": samples.regression,
    "relations": samples.relations,
    "Chinese": samples.chinese,
    "nothing": lambda: Outcome("rnn", "", ()),
}
EVIL = '</script><script>alert("1")</script><img src=x onerror=alert(2)>\'&amp;'
_VOID = {"meta", "link", "br", "img", "input", "hr"}


class Walk(HTMLParser):
    """All elements, with the open ones checked against every closing tag."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] not in (["script"], ["style"]):
            self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


def has(page: str, section: str) -> bool:
    return f'<section id="{section}">' in page


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_a_page_is_well_formed_and_needs_nothing_else(sample) -> None:
    page = render(sample())
    walk = Walk(page)
    assert "//" not in re.sub(r"https?://www\.w3\.org/2000/svg", "", page).replace('"//"', "")
    assert not {"link", "img", "iframe", "object", "base"} & {tag for tag, _ in walk.elements}
    for _, attributes in walk.elements:
        assert "src" not in attributes
        assert (attributes.get("href") or "#").startswith("#")
        assert not [name for name in attributes if name.startswith("on")]
    ids = [attributes["id"] for _, attributes in walk.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)|url\(#([^)]+)\)', page)) <= {
        pair for name in ids for pair in ((name, ""), ("", name))
    }
    assert walk.all("html") == [{"lang": "en"}]


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_the_verdict_comes_first_and_pages_repeat_to_the_byte(sample) -> None:
    page = render(sample())
    assert page == render(sample())
    words = Walk(page).words
    assert sample().verdict in words
    if has(page, "scores"):
        assert words.index(sample().verdict) < words.index("Scores")


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_tables_have_captions(sample) -> None:
    walk = Walk(render(sample()))
    assert len(walk.all("table")) == len(walk.all("caption"))


def test_only_the_page_s_own_script_may_run() -> None:
    page = render(samples.binary())
    policy = Walk(page).all("meta")[1]["content"]
    assert policy is not None and "default-src 'none'" in policy
    scripts = re.findall(r"<script>(.*?)</script>", page, flags=re.DOTALL)
    assert len(scripts) == 1
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy


def evil() -> Outcome:
    examples = tuple(Example(row, EVIL, EVIL, "good", 0.9) for row in range(3))
    part = Evaluation(
        part=EVIL,
        rows=3,
        scores={EVIL: 0.5},
        labels=(EVIL, "good"),
        per_class=(ClassScore(EVIL, 0.5, 0.5, 0.5, 3),),
        confusion=np.array([[0, 3], [0, 0]]),
        examples=examples,
    )
    story = samples.history()
    return Outcome(
        network=EVIL,
        target=EVIL,
        evaluations=(part,),
        baseline=(part,),
        baseline_name=EVIL,
        history=History(EVIL, story.epochs, story.best, EVIL),
        facts={EVIL: EVIL},
        notes=(EVIL, EVIL * 20),
        fired=(Fired(2, 1, ((EVIL, 1.0),), EVIL),),
        explained=(Explanation((EVIL,), (1.0,), ((0, 1), (0, 0)), EVIL, EVIL, EVIL),),
        words=((EVIL, ((EVIL, 1.0),)),),
        duplicates=((EVIL, EVIL, EVIL),),
        command=EVIL,
    )


def test_markup_in_any_text_stays_text() -> None:
    page = render(evil())
    walk = Walk(page)
    assert "<script>alert" not in page and "<img" not in page
    assert len(walk.all("script")) == 2  # the sentences and the page's own
    assert walk.words.count(EVIL) > 20
    assert sentences(page)["0-1"][0] == [0, EVIL, 0.9]


def test_the_tone_follows_the_verdict() -> None:
    own = samples.binary()
    assert '<p class="verdict good">' in render(own)
    lost = replace(own, evaluations=own.baseline, baseline=own.evaluations)
    assert '<p class="verdict bad">' in render(lost)
    assert "the simple baseline wins" in render(lost)
    level = replace(own, baseline=own.evaluations)
    assert '<p class="verdict neutral">' in render(level)
    assert '<p class="verdict neutral">' in render(replace(own, baseline=()))


def test_scores_stand_side_by_side_and_less_error_is_better() -> None:
    better = evaluate_numbers("test", ["a", "b", "c"], np.arange(3.0), np.arange(3.0) + 0.25)
    worse = evaluate_numbers("test", ["a", "b", "c"], np.arange(3.0), np.arange(3.0) + 0.75)
    words = Walk(render(Outcome("cnn", "x", (better,), (worse,), "mean"))).words
    assert re.search(r"RMSE 0\.2500 0\.7500 −0\.5000 ▲ network", words)
    words = Walk(render(Outcome("cnn", "x", (worse,), (better,), "mean"))).words
    assert re.search(r"MAE 0\.7500 0\.2500 \+0\.5000 ▼ baseline", words)


def test_without_a_baseline_there_are_no_empty_columns() -> None:
    words = Walk(render(replace(samples.binary(), baseline=()))).words
    assert "no baseline was trained" in words
    assert "difference" not in words and "baseline F1" not in words
    assert "0.7215" in Walk(render(samples.binary())).words  # the baseline's F1 of one class


def test_every_section_of_a_full_outcome_is_there_and_empty_ones_are_not() -> None:
    full = {"scores", "notes", "training", "classes", "confusion", "errors", "fired"}
    full |= {"duplicates", "settings", "again"}
    page = render(samples.binary())
    assert set(re.findall(r'<section id="(\w+)">', page)) == full
    assert "<section" not in render(Outcome("rnn", "", ()))
    page = render(samples.multi_label())
    assert not has(page, "confusion") and has(page, "classes") and has(page, "errors")
    page = render(samples.regression())
    assert has(page, "scatter") and not has(page, "confusion") and not has(page, "classes")


def test_words_that_decided_are_tinted_by_their_share_of_the_largest_weight() -> None:
    page = render(samples.relations())
    assert has(page, "words")
    table = page[page.index('<section id="words">') :]
    tints = re.findall(r'<span class="([\w ]+)" style="--tint-share: ([\d.]+)">\s*(\w+)', table)
    assert tints == [
        ("for", "0.000", "the"),
        ("for span", "0.500", "smoke"),
        ("for", "1.000", "from"),
        ("against span", "0.250", "fires"),
    ]
    assert re.search(
        r"smoke e1 from fires e2 Cause\(e2,e1\) Other Cause\(e2,e1\)", Walk(page).words
    )
    assert "from 5.25" in Walk(page).words
    long = Explanation(("word",) * 999, (0.0,) * 999, ((0, 1), (5, 6)), "x", "x", "x")
    page = render(replace(samples.relations(), explained=(long,)))
    assert len(re.findall(r">word\b", page)) == TOKENS


def test_time_memory_settings_and_command_are_shown() -> None:
    words = Walk(render(samples.binary())).words
    for text in ("1 min 23 s", "412 MiB", "reviews.csv, 10,662 rows", samples.binary().command):
        assert text in words


def test_the_surest_errors_come_first_and_only_25() -> None:
    part = samples.classified(("a", "b"), 400, skill=0.5)
    page = render(Outcome("cnn", "x", (part,)))
    table = page[page.index('<section id="errors">') :]
    rows = [int(row) for row in re.findall(r'<tr><td class="n">(\d+)</td>', table)]
    wrong = sorted(
        (e for e in part.examples if e.truth != e.predicted), key=lambda e: -e.confidence
    )
    assert len(wrong) > 25
    assert rows == [example.row for example in wrong[:25]]
    assert f"The 25 worst of {len(wrong)} wrong rows" in Walk(page).words


def test_the_largest_errors_of_numbers_come_first_whatever_their_sign() -> None:
    part = evaluate_numbers("test", list("abcd"), np.zeros(4), np.array([0.5, -3.0, 2.0, 0.0]))
    page = render(Outcome("cnn", "x", (part,)))
    assert re.findall(r'<tr><td class="n">(\d+)</td>', page) == ["1", "2", "0"]
    assert "All 3 rows with an error" in Walk(page).words


def test_a_perfect_network_has_no_errors_to_show() -> None:
    page = render(Outcome("cnn", "x", (samples.classified(("a", "b"), 20, skill=99.0),)))
    assert "None: all 20 test rows were predicted right." in Walk(page).words


def test_a_long_text_is_folded_and_there_in_full() -> None:
    text = "word " * 200 + "end"
    page = render(replace(samples.binary(), duplicates=((text, "test", "positive"),)))
    assert text in page
    assert '<details class="long"' in page[page.index('<section id="duplicates">') :]


def test_chinese_is_marked_as_such_and_left_as_it_is() -> None:
    page = render(samples.chinese())
    assert '<span dir="auto" lang="zh">丢弃了 3 行空文本。</span>' in page
    assert "\\u" not in json_of(page)


def test_many_duplicates_are_counted_but_not_all_listed() -> None:
    many = tuple((f"text {n}", "test", "a") for n in range(DUPLICATES + 7))
    page = render(replace(samples.binary(), duplicates=many))
    assert f"{DUPLICATES + 7} in all, the first {DUPLICATES} shown" in Walk(page).words
    assert f"text {DUPLICATES - 1}<" in page and f"text {DUPLICATES}<" not in page


def test_an_evaluation_alone_gives_the_same_sections() -> None:
    part = samples.classified(("a", "b"), 60)
    page = render_evaluation(part, "model.lexon", {"data": "more.csv"})
    assert Walk(page).words.count(f"model.lexon: accuracy {part.score:.4f} on 60 test rows.") == 1
    assert "more.csv" in page and has(page, "confusion") and not has(page, "training")


def test_half_a_surrogate_pair_can_be_written(tmp_path: Path) -> None:
    write(replace(samples.binary(), notes=("broken \ud800 text",)), tmp_path / "page.html")
    assert "broken ? text" in (tmp_path / "page.html").read_text("utf-8")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    write(samples.binary(), path)
    assert path.read_text("utf-8") == render(samples.binary())
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(InputError, match="cannot be written"):
        write(samples.binary(), tmp_path / "missing" / "page.html")


def json_of(page: str) -> str:
    found = re.search(r'id="confusion-data">(.*?)</script>', page, flags=re.DOTALL)
    assert found is not None
    return found[1]


def sentences(page: str) -> dict[str, list[list[object]]]:
    found: dict[str, list[list[object]]] = json.loads(json_of(page))["sentences"]
    return found

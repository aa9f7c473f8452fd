"""Fuzzing of the model loader: altered model files must give a model or a ModelFileError.

    python -m tests.tasks.fuzz_models --inputs 100000 --seed 1

Half of the alterations keep the checksum right, so that what stands behind it is reached: values
of the settings (huge, negative, of another type, nested), names, shapes and types of the arrays.
It ends with code 1 at the first other exception, or when memory grew beyond its bound; the file
is then left behind.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import random
import re
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from lexon import storage
from lexon.errors import LexonError, ModelFileError
from lexon.memory import peak_memory
from lexon.tasks import (
    LanguageModel,
    RelationClassifier,
    SequenceTagger,
    SeriesRegressor,
    TabularClassifier,
    TabularRegressor,
    TextClassifier,
    load,
)
from tests.fuzzing import command

TEXTS = ["good film", "fine good play", "bad film", "awful bad play"] * 6
TABLE = {"size": [float(n % 10) for n in range(40)], "garden": ["yes", "no"] * 20}
INPUTS: dict[type, Any] = {
    TextClassifier: ["good film", "", "x"],
    SequenceTagger: ["good film", "", "x"],
    RelationClassifier: ["<e1>a</e1> b <e2>c</e2>", "x <e2>y</e2> <e1>z</e1>"],
}
HERE = "fuzz_failure.lexon"
MEMORY = 300 * 2**20
HUGE = [10**9, 10**12, 2**31, 2**63, 10**30, -1, -(10**9), 0, 1, 2, 3, 0.5, -0.5]
JUNK: list[Any] = [*HUGE, 1e308, float("inf"), float("nan"), True, False, None, "", "x", "词" * 50,
                   "\ud800", "9" * 5000, [], {}, [[[]]], {"a": {"b": [1, None]}}, [1] * 1000,
                   ["x"], [10**9], [0], [None], {"0": 1}, "auto", "mlp", "linear", "sigmoid",
                   "<U900000", "<U99999999999", "V8", "whole", "number", "truth", "balanced",
                   1.5]  # fmt: skip
TYPES = ["F64", "F16", "BF16", "I64", "I32", "U8", "BOOL", "F8_E4M3", "F32", "C64", "x"]


def seeds(folder: Path) -> list[bytes]:
    """A small model file of every kind."""
    small = {"dimension": 4, "filters": 3, "hidden": 4, "windows": (1, 2), "epochs": 1}
    models: list[Any] = []
    for name in ("linear", "mlp", "cnn"):
        models.append(TextClassifier(name, **small).fit(TEXTS, ["p", "p", "n", "n"] * 6))
    models.append(TextClassifier("mlp", output="sigmoid", **small).fit(TEXTS, [1, 1, 0, 0] * 6))
    several = [["p"], ["p", "x"], ["n"], []] * 6
    models.append(TextClassifier("linear", class_weight="balanced", **small).fit(TEXTS, several))
    marked, kinds = ["<e1>a</e1> b <e2>c</e2>", "b <e2>c</e2> <e1>a</e1>"] * 12, ["X", "Other"] * 12
    spans = {"position_dimension": 2, "max_distance": 3, "affix_dimension": 2}
    for name in ("cnn", "bilstm"):
        models.append(RelationClassifier(name, **small, **spans).fit(marked, kinds))
    models.append(
        RelationClassifier(pool="max", **small, loss="cross-entropy", affix_dimension=0).fit(
            marked, kinds
        )
    )
    models.append(TabularRegressor(hidden=(4,), epochs=1).fit(TABLE, TABLE["size"]))
    models.append(TabularClassifier(hidden=(4,), epochs=1).fit(TABLE, TABLE["garden"]))
    for name, layers in (("lstm", 1), ("gru", 2)):
        series = {"series": "size", "by": "garden", "past": (1, 2)}
        models.append(SeriesRegressor(name, hidden=3, layers=layers, epochs=1, **series).fit(TABLE))
    tagging = {"dimension": 3, "hidden": 3, "filters": 2, "epochs": 1}
    tags = [[("B-A", "O")[place % 2] for place, _ in enumerate(text.split())] for text in TEXTS]
    for name, characters in (("bilstm-crf", "cnn"), ("bigru", "bilstm"), ("bigru-crf", "none")):
        tagger = SequenceTagger(name, characters=characters, **tagging)
        models.append(tagger.fit([text.split() for text in TEXTS], tags))
    models.append(TextClassifier("bigru", pool="attention", **small).fit(TEXTS, ["p", "n"] * 12))
    tiny = {"hidden": 3, "layers": 1, "epochs": 1, "steps": 3, "batch_size": 2}
    for kind in ({}, {"tied": True}, {"softmax": "hierarchical"}, {"softmax": "sampled"}):
        models.append(LanguageModel("gru" if kind else "lstm", **tiny, **kind).fit(TEXTS))
    models.append(LanguageModel("rnn", level="char", **tiny).fit(TEXTS))
    found = []
    for model in models:
        model.save(folder / "seed.lexon")
        found.append((folder / "seed.lexon").read_bytes())
    return found


def alter(data: bytes, pool: list[bytes], random_: random.Random) -> bytes:
    """`data` after an alteration: of its bytes, or with a right checksum of what they say."""
    kind = random_.randrange(4)
    if kind == 0:
        return _bytes(data, pool, random_)
    if kind == 1:
        return _header(data, random_)
    stored = storage.parse(data)
    content, arrays = copy.deepcopy(stored.content), dict(stored.arrays)
    for _ in range(random_.choice((1, 1, 1, 2, 4))):
        if kind == 2 or random_.random() < 0.3:
            _value(content, random_)
        else:
            arrays = _arrays(arrays, random_)
    if random_.random() < 0.05:
        other = storage.parse(random_.choice(pool))
        content[random_.choice(list(content))] = other.content.get(random_.choice(list(content)))
    return serialise(stored.kind if random_.random() < 0.98 else "x", content, arrays)


def serialise(kind: str, content: dict[str, Any], arrays: dict[str, Any]) -> bytes:
    """The bytes of a file of any content: of surrogates, too."""
    try:
        return storage.serialise(kind, content, arrays)
    except UnicodeError:
        return storage.serialise(
            kind, json.loads(json.dumps(content).replace("\\ud800", "")), arrays
        )


def _bytes(data: bytes, pool: list[bytes], random_: random.Random) -> bytes:
    out, place = bytearray(data), random_.randrange(len(data))
    match random_.randrange(5):
        case 0:
            out[place] ^= 1 << random_.randrange(8)
        case 1:
            del out[place:]
        case 2:
            other = random_.choice(pool)
            out[place:] = other[random_.randrange(len(other)) :]
        case 3:
            out[place:place] = random_.randbytes(random_.randint(1, 40))
        case _:
            del out[place : place + random_.randint(1, 40)]
    return bytes(out)


def _header(data: bytes, random_: random.Random) -> bytes:
    """The header altered as text, with its length and checksum made right again."""
    length = int.from_bytes(data[:8], "little")
    header, body = data[8 : 8 + length].decode(), data[8 + length :]
    match random_.randrange(4):
        case 0:
            header = _replaced(
                header, r'"dtype":"\w+"', f'"dtype":"{random_.choice(TYPES)}"', random_
            )
        case 1:
            header = _replaced(header, r"\d+", str(random_.choice(HUGE)), random_)
        case 2:
            place = random_.randrange(100, len(header))
            header = header[:place] + random_.choice('{}[]",:0a-') + header[place + 1 :]
        case _:
            header = _replaced(header, r'"\w+":', f'"{random_.choice("abcx")}":', random_)
            body = body[: random_.choice((len(body), 0, len(body) // 2))]
    return with_digest(header, body)


def with_digest(header: str, body: bytes) -> bytes:
    """The bytes of a file of this header and body, with their checksum."""
    mark = '"lexon":"'
    at = header.find(mark) + len(mark)
    blank = (header[:at] + "0" * 64 + header[at + 64 :]).encode("utf-8", "surrogatepass")
    raw = len(blank).to_bytes(8, "little") + blank + body
    digest = hashlib.sha256(raw).hexdigest().encode()
    return raw[: 8 + at] + digest + raw[8 + at + 64 :]


def _replaced(text: str, pattern: str, by: str, random_: random.Random) -> str:
    """`text` with one match of the pattern, behind the checksum, replaced."""
    found = [match.span() for match in re.finditer(pattern, text) if match.start() > 100]
    start, stop = random_.choice(found)
    return text[:start] + by + text[stop:]


def _value(content: Any, random_: random.Random) -> None:
    """Replace, remove or add one value somewhere in a tree of JSON."""
    node: Any = content
    while True:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not places:
            return
        place = random_.choice(places)
        if isinstance(node[place], (dict, list)) and node[place] and random_.random() < 0.8:
            node = node[place]
            continue
        break
    match random_.randrange(8):
        case 0:
            del node[place]
        case 1 if isinstance(node, dict):
            node[f"{place}_"] = node[place]
        case 1:
            node.append(random_.choice(JUNK))
        case 2 if isinstance(node[place], (int, float)):
            node[place] = node[place] * random_.choice((-1, 2, 10**9))
        case _:
            node[place] = copy.deepcopy(random_.choice(JUNK))


def _arrays(arrays: dict[str, Any], random_: random.Random) -> dict[str, Any]:
    out, name = dict(arrays), random_.choice(list(arrays) or [""])
    array = out.pop(name, np.zeros(1, np.float32))
    match random_.randrange(7) if array.ndim else 6:
        case 0:
            pass
        case 1:
            out[f"{name}x"] = array
        case 2:
            out[name] = array.T.copy() if array.ndim > 1 else array[:, None]
        case 3:
            types = (np.float64, np.float16, np.int64, np.bool_, np.uint8)
            with np.errstate(all="ignore"):
                out[name] = np.nan_to_num(array).astype(random_.choice(types))
        case 4:
            out[name] = array[: random_.randrange(len(array) + 1)]
        case 5:
            out[name] = np.zeros((0, 10**9), np.float32)
        case _:
            out |= {name: array, random_.choice("abc"): np.zeros((), np.float32)}
    return out


def attempt(path: Path) -> str:
    """Load a file and predict with it; what came of it."""
    try:
        model = load(path)
    except ModelFileError as error:
        if len(str(error)) > 3_000:
            raise AssertionError("the message is too long") from error
        return "ModelFileError"
    try:
        if isinstance(model, LanguageModel):
            model.evaluate("good film")
            model.generate("good", 2)
        else:
            model.predict(INPUTS.get(type(model), TABLE))
    except LexonError:
        return "loaded, but of no use"
    return "loaded"


def fuzz(inputs: int, seed: int) -> tuple[Counter[str], int]:
    """Load `inputs` altered files; what came of them, and the growth of peak memory."""
    random_, outcomes = random.Random(seed), Counter[str]()
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder, np.errstate(all="ignore"):
        pool, path = seeds(Path(folder)), Path(folder, "a.lexon")
        for data in pool:
            path.write_bytes(data)
            assert attempt(path) == "loaded"
        before = peak_memory()
        for _ in range(inputs):
            data = alter(random_.choice(pool), pool, random_)
            path.write_bytes(data)
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    outcomes[attempt(path)] += 1
            except Exception:
                Path(HERE).write_bytes(data)
                raise
    return outcomes, peak_memory() - before


if __name__ == "__main__":
    raise SystemExit(command(fuzz, __doc__, HERE, MEMORY))

"""Fuzzing of the readers: altered files of every format must give a table or a DataFileError.

    python -m tests.text.fuzz_readers --inputs 500000 --seed 1

It prints the inputs a second and what came of them, and ends with code 1 at the first other
exception, or when the memory in use grew beyond its bound; the input is then left in a file.
"""

from __future__ import annotations

import bz2
import contextlib
import gzip
import lzma
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from lexon.errors import DataFileError
from lexon.memory import peak_memory
from lexon.text import read_examples, read_relations, read_table
from tests.fuzzing import command

ENGLISH = [
    "a fine film , really",
    "it's dull ; avoid",
    'she said "no" twice',
    "",
    "caf\u00e9 cr\u00e8me",
]
CHINESE = ["我们都喜欢这部电影", "房间很小，不太干净", "服务很好", "2 楼的早餐"]
NAMES = ["a.csv", "a.tsv", "a.jsonl", *["a.txt", "a"] * 5, "a.ft", "a.csv.gz"]
FORMATS = [*[None] * 20, "csv", "tsv", "jsonl", "fasttext", "labelled", "lines", "semeval"]
ENCODINGS = [*[None] * 30, "utf-8", "utf-16", "gb18030", "latin-1", "cp1252", "utf-32"]
DELIMITERS = [*[None] * 20, ",", "\t", ";", "|", " "]
SIGNS = [b'"', b",", b"\t", b"\n", b"\r", b"\0", b"{", b"}", b"[", b"]", b"\\ud800", b"__label__",
         b"\xff\xfe", b"\xef\xbb\xbf", b"\x85", b"\xe9", b"NaN", b"1e999", b":", b"\\", b"\x1f\x8b",
         b"\xe2\x80\xa8", b"\x81\x30\x81\x30", b"\xed\xa0\x80", b"<e1>", b"</e2>"]  # fmt: skip
MEMORY = 400 * 2**20
HERE = "fuzz_failure.bin"


def seeds() -> list[bytes]:
    """Return small valid files of every format, encoding and packing."""
    plain: list[str] = []
    for texts in (ENGLISH, CHINESE, ENGLISH + CHINESE):
        rows = list(zip(["pos", "neg", "1", "0", "pos"], texts, strict=False))
        quoted = ['"' + text.replace('"', '""') + '"' for text in texts]
        plain.append(
            "label,text\n" + "".join(f"{n},{q}\n" for (n, _), q in zip(rows, quoted, strict=False))
        )
        plain.append("".join(f"{text}\t{label}\r\n" for label, text in rows))
        plain.append("".join(f"__label__{label} __label__x {text}\n" for label, text in rows))
        plain.append("".join(f"{place % 2} {text}\n" for place, (_, text) in enumerate(rows)))
        plain.append("".join(text + "\n" for text in texts))
        plain.append(
            "".join(
                f'{{"text": "{t.replace(chr(34), "")}", "cats": ["{n}", 1]}}\n' for n, t in rows
            )
        )
    marked = ["<e1>a</e1> b <e2>c</e2>.", "<e2>d</e2> <e1>e</e1>"]
    plain.append("".join(f'{n}\t"{t}"\nX(e1,e2)\nComment: x\n\n' for n, t in enumerate(marked)))
    plain.append("text,label\n" + "".join(f"{text},X\n" for text in marked))
    plain.append('{"text": "a b c", "e1": [0, 1], "e2": [2, 3], "label": "X"}\n' * 2)
    files = [text.encode(codec, "ignore") for text in plain
             for codec in ("utf-8", "utf-8-sig", "utf-16", "gb18030", "cp1252")]  # fmt: skip
    packed = [pack(files[place]) for place in range(0, len(files), 23)
              for pack in (gzip.compress, lzma.compress, bz2.compress)]  # fmt: skip
    return files + packed


def alter(data: bytes, pool: list[bytes], random_: random.Random) -> bytes:
    """Return `data` after one to three alterations."""
    out = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        place = random_.randrange(len(out) + 1)
        match random_.randrange(8):
            case 0 if out:
                out[place % len(out)] ^= 1 << random_.randrange(8)
            case 1:
                del out[place:]
            case 2:
                other = random_.choice(pool)
                start = random_.randrange(len(other) + 1)
                out[place:] = other[start:]
            case 3:
                out[place:place] = random_.randbytes(random_.randint(1, 30))
            case 4:
                out[place:place] = random_.choice(SIGNS) * random_.choice((1, 1, 1, 2, 50))
            case 5:
                del out[place : place + random_.randint(1, 20)]
            case 6:
                piece = out[place : place + random_.randint(1, 40)]
                out[place:place] = piece * random_.randint(1, 5)
            case _:
                if random_.random() < 0.05:
                    out[:] = random_.randbytes(random_.randint(0, 300))
                else:
                    out[place : place + 1] = random_.choice(SIGNS)
    pack = random_.choice((*[bytes] * 20, gzip.compress, lzma.compress, bz2.compress))
    return pack(bytes(out))


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """Yield a folder for the inputs, in memory where the system has one."""
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def read(path: Path, random_: random.Random) -> str:
    """Read the file with options drawn at random and return what came of it."""
    format, encoding = random_.choice(FORMATS), random_.choice(ENCODINGS)
    delimiter = random_.choice(DELIMITERS)
    try:
        if random_.random() < 0.5:
            table = read_table(path, format=format, encoding=encoding, delimiter=delimiter)
            table.recognised.describe()
            if {len(cells) for cells in table.columns.values()} != {len(table.line_numbers)}:
                raise AssertionError("the columns are not of one length")
            return table.recognised.format
        if random_.random() < 0.3:
            read_relations(path, format=format, encoding=encoding)
            return "relations"
        separator = random_.choice((None, None, ",", " "))
        read_examples(path, format=format, encoding=encoding, separator=separator,
                      need_labels=random_.random() < 0.8)  # fmt: skip
        return "examples"
    except DataFileError as error:
        if len(str(error)) > 3_000:
            raise AssertionError("the message is too long") from error
        return "DataFileError"


def fuzz(inputs: int, seed: int) -> tuple[Counter[str], int]:
    """Read `inputs` altered files; return what came of them, and the growth of peak memory."""
    random_ = random.Random(seed)
    pool = seeds()
    outcomes: Counter[str] = Counter()
    with workplace() as folder:
        read(_written(folder / "warm.txt", "été à la mer".encode("cp1252")), random.Random(0))
        before = peak_memory()
        for _ in range(inputs):
            data = alter(random_.choice(pool), pool, random_)
            path = _written(folder / random_.choice(NAMES), data)
            try:
                outcomes[read(path, random_)] += 1
            except Exception:
                Path(HERE).write_bytes(data)
                raise
    return outcomes, peak_memory() - before


def _written(path: Path, data: bytes) -> Path:
    """Return `path` after writing `data` to it."""
    path.write_bytes(data)
    return path


if __name__ == "__main__":
    raise SystemExit(command(fuzz, __doc__, HERE, MEMORY))

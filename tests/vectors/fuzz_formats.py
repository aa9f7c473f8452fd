"""Fuzzing of the readers of vector files: altered files give vectors or one of the known errors.

    python -m tests.vectors.fuzz_formats --inputs 500000 --seed 1

It prints the inputs a second and what came of them, and ends with code 1 at the first other
exception, when one input takes longer than `SLOW`, or when the memory in use grew beyond its
bound; the input is then left in a file.
"""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import random
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from lexon import storage
from lexon.errors import DataFileError, InputError, ModelFileError
from lexon.memory import peak_memory
from lexon.vectors import KeyedVectors, formats, open_vectors
from tests.fuzzing import command
from tests.text.fuzz_readers import workplace

WORDS = ["the", "of", "naïve", "北京", "can't", "</s>", "🙂", "new_york", "-", "3.14", "x" * 70]
SIGNS = [b" ", b"\n", b"\t", b"\r", b"\0", b"-", b".", b"e", b"1e999", b"nan", b"-inf", b"1_0",
         b"9" * 19, b"0." + b"0" * 40, b"\xff", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1f\x8b",
         b"1000000000000 300\n", b"3 100000\n", b"99999 1\n", b"2 2\n", b"\x00\x00\xc0\x7f",
         b"\x00\x00\x80\xff", b'{"__metadata__":{"lexon":"', b"1234567.8901e-5"]  # fmt: skip
MEMORY = 300 * 2**20
SLOW = 5.0
HERE = "fuzz_failure.bin"


def seeds(folder: Path) -> list[bytes]:
    """Small valid files of every format, width and packing."""
    found = []
    draw = np.random.default_rng(0)
    for rows, width in ((1, 1), (3, 2), (11, 5), (11, 40)):
        table = (draw.normal(size=(rows, width)) * 10.0 ** draw.integers(-9, 9)).astype("f")
        vectors = KeyedVectors(WORDS[:rows], table, range(rows))
        for format in formats.FORMATS:
            formats.write(vectors, folder / "seed", format)
            data = (folder / "seed").read_bytes()
            found += [data, data]
            if format in ("word2vec", "glove"):
                found += [data.replace(b"\n", b" \r\n"), data.replace(b" ", b"\t"), data[:-1]]
            if format == "binary":  # as gensim writes it: no line ends
                header, _, body = data.partition(b"\n")
                size = [len(word.encode()) + 1 + 4 * width for word in WORDS[:rows]]
                places = np.cumsum([0, *(n + 1 for n in size)])
                records = (body[at : at + n] for at, n in zip(places, size, strict=False))
                found.append(header + b"\n" + b"".join(records))
    (folder / "seed").unlink()
    return found


def alter(data: bytes, pool: list[bytes], random_: random.Random) -> bytes:
    """``data`` after one to three alterations; often of its beginning, where promises stand."""
    out = bytearray(data)
    for _ in range(random_.choice((1, 1, 1, 2, 3))):
        end = len(out) + 1 if random_.random() < 0.7 else min(len(out) + 1, 30)
        place = random_.randrange(end)
        match random_.randrange(8):
            case 0 if out:
                out[place % len(out)] ^= 1 << random_.randrange(8)
            case 1:
                del out[place:]
            case 2:
                other = random_.choice(pool)
                out[place:] = other[random_.randrange(len(other) + 1) :]
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
                out[place : place + 1] = random_.choice(SIGNS)
    if random_.random() < 0.5 and b"__metadata__" in out[:30]:
        out = bytearray(_signed(bytes(out)))
    pack = random_.choice((*[bytes] * 12, gzip.compress, bz2.compress, _xz, _cut))
    return bytes(pack(bytes(out)))


def _xz(data: bytes) -> bytes:
    return lzma.compress(data, preset=0)


def _cut(data: bytes) -> bytes:
    packed = gzip.compress(data)
    return packed[: random.Random(len(data)).randrange(len(packed))]


def _signed(raw: bytes) -> bytes:
    """The file with digests that fit, so that what stands behind the checksum is reached."""
    length = int.from_bytes(raw[:8], "little")
    if length > len(raw) - 8 or not raw.startswith(storage._MARK, 8):
        return raw
    at = 8 + len(storage._MARK)
    header, body = raw[: 8 + length], raw[8 + length :]
    blank = header[:at] + b"0" * 128 + header[at + 128 :]
    whole = hashlib.sha256(blank + body).hexdigest().encode()
    header = header[:at] + whole + b"0" * 64 + header[at + 128 :]
    try:
        places = storage._places(storage._header(header), len(header), len(raw))
    except ModelFileError:
        return raw
    small = b"".join(raw[p.start : p.stop] for p in places if p.name != "vectors")
    opening = hashlib.sha256(header + small).hexdigest().encode()
    return header[: at + 64] + opening + header[at + 128 :] + body


def read(path: Path, random_: random.Random) -> str:
    """Read the file with options drawn at random; what came of it."""
    options: dict[str, Any] = {
        "format": random_.choice((*[None] * 9, *formats.FORMATS)),
        "limit": random_.choice((*[None] * 9, 1, 3, 10**12)),
        "encoding": random_.choice((*[None] * 15, "gb18030", "latin-1", "utf-16")) or "utf-8",
        "unicode_errors": random_.choice(("surrogateescape",) * 3 + ("strict", "replace")),
    }
    try:
        if random_.random() < 0.05:
            vectors = KeyedVectors.load(path, mmap=random_.random() < 0.5, verify=True)
        else:
            vectors = open_vectors(path, **options)
    except (DataFileError, ModelFileError) as error:
        if len(str(error)) > 3_000:
            raise AssertionError("the message is too long") from error
        return type(error).__name__
    except InputError as error:
        raise AssertionError("an error of another kind") from error
    if not len(vectors) == len(vectors.vectors) == len(set(vectors.index_to_key)):
        raise AssertionError("words and vectors do not agree")
    if options["format"] != "lexon" and not np.isfinite(vectors.vectors).all():
        # lexon's own files are checked by digest; here the digest is forged
        if vectors.vectors.flags.owndata:
            raise AssertionError("a number is not finite")
    return "vectors"


def fuzz(inputs: int, seed: int) -> tuple[Counter[str], int, str]:
    """Read altered files; what came of them, the growth of peak memory, the longest time."""
    random_ = random.Random(seed)
    outcomes: Counter[str] = Counter()
    with workplace() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        pool, longest = seeds(folder), 0.0
        for data in pool:  # the kernels are loaded before memory is counted
            (folder / "v").write_bytes(data)
            open_vectors(folder / "v")
        before = peak_memory()
        for _ in range(inputs):
            data = alter(random_.choice(pool), pool, random_)
            (folder / "v").write_bytes(data)
            started = time.perf_counter()
            try:
                outcomes[read(folder / "v", random_)] += 1
                if time.perf_counter() - started > SLOW:
                    raise AssertionError("it took too long")
            except Exception:
                Path(HERE).write_bytes(data)
                raise
            longest = max(longest, time.perf_counter() - started)
    return outcomes, peak_memory() - before, f"the longest {longest:.2f} s"


if __name__ == "__main__":
    raise SystemExit(command(fuzz, __doc__, HERE, MEMORY, 100_000))

"""From bytes to text: the encoding a file is in, and the place of what cannot be decoded."""

from __future__ import annotations

import codecs
import contextlib
from functools import cache

from lexon.errors import DataFileError

SAMPLE = 2**18
FEW = 20
"""Fewer bytes beyond ASCII than this do not tell one alphabet from another."""
MARKS = [  # longest first: a UTF-32 mark begins with a UTF-16 one
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (b"\x84\x31\x95\x33", "gb18030"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
OTHER_SCRIPTS = (
    "big5 shift_jis euc_jp euc_kr cp949 cp1251 koi8_r cp866 cp1253 cp1255 cp1256 cp874".split()
)
REFUSED = {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"}
# The most frequent Chinese characters, about four in ten of any running text.
FREQUENT = frozenset(
    "的一是不了在人有我他这中大来上个国到说们为子和你地出道也时年得就那要下以生会自着去之过家学对"
    "可她里后小么心多天而能好都然没日于起还发成事只作当想看文无开手十用主行方又如前所本见经头面公"
    "同三已老从动两长這個們來時國說為對後會裡過學還發沒著"
)


def decode(data: bytes, encoding: str | None, name: str) -> tuple[str, str]:
    """Return the text of `data` and its encoding, recognised if `encoding` is None.

    Valid UTF-8 is UTF-8. Otherwise it is GB18030 if it decodes as that to mostly common
    characters, another non-Latin encoding if letters beyond ASCII prevail, and else Windows-1252.

    Raises: DataFileError for an unknown encoding, bytes that are not of the encoding (with line
    and byte), NUL characters (with line), and bytes that are no text.
    """
    codec = recognise(data, name) if encoding is None else _codec(encoding)
    text = _decode(data, codec, name, forced=encoding is not None)
    if text.startswith("\ufeff"):
        text = text[1:]
    if (nul := text.find("\0")) >= 0:
        raise DataFileError(_nul_message(data, text.count("\n", 0, nul) + 1, name))
    if not text or text.isspace():
        raise DataFileError(f"{name}: there is nothing but blanks; give at least one text")
    return text, codec


def recognise(data: bytes, name: str) -> str:
    """Return the codec that `data` is most likely in.

    Raises: DataFileError for damaged UTF-8 and for bytes that are no text.
    """
    for mark, codec in MARKS:
        if data.startswith(mark):
            return codec
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        bad = error.start
        if _nearly_utf8(data, bad):
            raise DataFileError(
                f"{name}, line {data.count(10, 0, bad) + 1}: byte 0x{data[bad]:02x} at offset "
                f"{bad:,} breaks the UTF-8 that the rest is in; repair that line, "
                "or say which encoding it is (encoding='cp1252', ...)"
            ) from None
    if _is_gb18030(data):
        return "gb18030"
    _refuse_binary(data, name)
    return _other_script(data) or ("cp1252" if _decodes(data, "cp1252") else "latin-1")


def _codec(encoding: str) -> str:
    """Return the usual name of the text encoding the user asked for."""
    try:
        found = codecs.lookup(encoding).name
        if found not in REFUSED:
            with contextlib.suppress(UnicodeError):  # one byte may be no character
                b"a".decode(found)  # refuses what turns bytes into bytes, such as base64
            return {"iso8859-1": "latin-1", "utf-8-sig": "utf-8"}.get(found, found)
    except (LookupError, ValueError):
        pass
    raise DataFileError(
        f"there is no text encoding {encoding!r}; "
        "use utf-8, utf-16, gb18030, cp1252, latin-1, big5, shift_jis or another of Python's"
    )


def _decode(data: bytes, codec: str, name: str, *, forced: bool) -> str:
    """Return `data` decoded by `codec`, or say which line and byte cannot be."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(codec, errors="ignore")
        remedy = "leave the encoding out to have it recognised, or repair that line"
        raise DataFileError(
            f"{name}, line {before.count(chr(10)) + 1}: byte 0x{data[error.start]:02x} at offset "
            f"{error.start:,} is not {codec.upper()}; "
            f"{remedy if forced else 'the file begins with its mark but is damaged: repair it'}"
        ) from None
    except ValueError as error:  # UnicodeError without a place, from rare codecs
        raise DataFileError(
            f"{name}: cannot be decoded as {codec.upper()} ({error}); give another encoding"
        ) from None


def _nul_message(data: bytes, line: int, name: str) -> str:
    """Return what to say about a NUL, with UTF-16 without its mark told apart."""
    head = data[:1_000]
    for first, codec in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 3 and head[first::2].count(0) * 3 > len(head):
            return (
                f"{name}, line {line}: every second byte is NUL, so this looks like UTF-16 "
                f"without its mark; give encoding={codec!r}"
            )
    return (
        f"{name}, line {line}: there is a NUL character, so the file is binary or damaged; "
        r"remove it (tr -d '\000' < old > new) or give another file"
    )


def _nearly_utf8(data: bytes, first_bad: int) -> bool:
    """Whether all but a few characters beyond ASCII are valid UTF-8, the first bad one known."""
    good = sum(data.count(bytes([lead]), 0, first_bad) for lead in range(0xC2, 0xF5))
    rest = data[first_bad : first_bad + SAMPLE].decode("utf-8", errors="replace")
    bad = rest.count("\ufffd")
    good += sum(character > "\x7f" for character in rest) - bad
    return good >= 3 and good >= 5 * bad


@cache
def _common_characters() -> frozenset[str]:
    """Return the 3,755 characters of GB 2312's first level and its full-width signs."""
    leads = [0xA1, 0xA3, *range(0xB0, 0xD8)]
    pairs = (bytes([lead, trail]) for lead in leads for trail in range(0xA1, 0xFF))
    return frozenset("".join(pair.decode("gb2312", errors="ignore") for pair in pairs))


def _is_gb18030(data: bytes) -> bool:
    """Whether `data` is strict GB18030 whose characters are mostly common ones.

    Latin letters with accents pair up with what follows them into rare characters; Korean and
    Russian encodings pair up into common ones, but seldom into the most frequent.
    """
    try:
        text = data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    sample = [character for character in text[:SAMPLE] if character > "\x7f"]
    if not sample:
        sample = [character for character in text if character > "\x7f"][:SAMPLE]
    common = _common_characters()
    if 2 * sum(character in common for character in sample) < len(sample):
        return False
    frequent = sum(character in FREQUENT for character in sample)
    return len(sample) < 40 or 20 * frequent >= len(sample)


def _refuse_binary(data: bytes, name: str) -> None:
    """Raise when more than one byte in twenty is a control character."""
    control = bytes(set(range(32)) - set(b"\t\n\v\f\r\x1b"))
    head = data[:SAMPLE]
    found = len(head) - len(head.translate(None, delete=control))
    if 20 * found > len(head):
        raise DataFileError(
            f"{name}: {found:,} of the first {len(head):,} bytes are control characters, "
            "so this is no text file; give a text file, or its encoding if it is one"
        )


def _other_script(data: bytes) -> str | None:
    """Return a non-Latin encoding if letters beyond ASCII prevail and one fits, or None."""
    head = data[: SAMPLE // 4]
    beyond = sum(byte > 0x7F for byte in head)
    if beyond < FEW or 2 * beyond < sum(
        map(head.count, b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    ):
        return None
    from charset_normalizer import from_bytes  # here, because it is slow to import

    try:
        best = from_bytes(head, cp_isolation=OTHER_SCRIPTS).best()
    except (LookupError, ValueError, TypeError, ArithmeticError):
        return None
    if best is None or not _decodes(data, best.encoding):
        return None
    return str(best.encoding)


def _decodes(data: bytes, codec: str) -> bool:
    """Whether all of `data` is valid in `codec`."""
    try:
        data.decode(codec)
    except ValueError:
        return False
    return True

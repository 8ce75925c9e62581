"""How many segments a text message takes. One segment is what one message costs, and what arrives in one piece.

A message is written in the alphabet of GSM 03.38 (seven bits, 160 characters in a segment) if all of it can be,
otherwise in UCS-2 (70). A long one is cut into parts that carry a header each, so that fewer characters fit.
"""

from collections.abc import Iterable
from dataclasses import dataclass

#: GSM 03.38, the basic table; its place 0x1B is the escape to the other one.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà",
)
#: Two places each: the escape, and the character.
_EXTENDED = frozenset("\f^{}\\[~]|€")
_GSM, _GSM_PART = 160, 153
_UCS2, _UCS2_PART = 70, 67

#: What typographers write and the GSM alphabet lacks, as everybody writes it on a telephone.
_PLAIN = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "‘": "'",
        "’": "'",
        "“": '"',
        "”": '"',
        "«": '"',
        "»": '"',
        "–": "-",
        "—": "-",
        "\u2011": "-",
        "…": "...",
    },
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How a text goes over the air."""

    alphabet: str
    #: Places taken: septets, or 16-bit units.
    places: int
    segments: int


def size(text: str) -> Size:
    """The alphabet, the places and the segments of `text`."""
    if all(character in _BASIC or character in _EXTENDED for character in text):
        return _gsm(text)
    return _ucs2(text)


def plain(text: str) -> str:
    """The same words without the punctuation that would cost a message its alphabet."""
    return text.translate(_PLAIN)


def fitting(variants: Iterable[str]) -> str:
    """The first of `variants` (the best first) that fits into one segment; if none does, the last."""
    chosen = ""
    for variant in variants:
        chosen = plain(variant)
        if size(chosen).segments == 1:
            break
    return chosen


def _gsm(text: str) -> Size:
    widths = [2 if character in _EXTENDED else 1 for character in text]
    return _in_segments("GSM-7", widths, whole=_GSM, part=_GSM_PART)


def _ucs2(text: str) -> Size:
    widths = [len(character.encode("utf-16-be")) // 2 for character in text]
    return _in_segments("UCS-2", widths, whole=_UCS2, part=_UCS2_PART)


def _in_segments(alphabet: str, widths: list[int], *, whole: int, part: int) -> Size:
    places = sum(widths)
    if places <= whole:
        return Size(alphabet=alphabet, places=places, segments=1)
    # A character of two places is not cut in two: it moves to the next part.
    segments, used = 1, 0
    for width in widths:
        if used + width > part:
            segments, used = segments + 1, 0
        used += width
    return Size(alphabet=alphabet, places=places, segments=segments)

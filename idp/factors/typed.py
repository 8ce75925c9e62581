"""What a person typed, before anybody asks what it is: one spelling of a code, however it was spaced or pasted."""

import unicodedata
from typing import Final

#: Longer than any code with any spacing; anything beyond is not looked at.
_LONGEST: Final = 100


def compact(answer: str) -> str:
    """`answer` in capital letters without spaces and dashes, full-width digits made plain; empty if absurdly long."""
    if len(answer) > _LONGEST:
        return ""
    text = unicodedata.normalize("NFKC", answer).upper()
    return "".join(each for each in text if not each.isspace() and unicodedata.category(each) != "Pd")

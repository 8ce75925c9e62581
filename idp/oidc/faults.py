"""What is wrong with an application's metadata, said twice: in English to programs, in their own language to people."""

from typing import Self

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _


class Fault(str):
    """A sentence, or a part of one, in English. `in_words` is the same in the language of the page."""

    __slots__ = ("_template", "_values")

    def __new__(cls, template: str, **values: object) -> Self:
        """`template` is marked for translation where it stands; the names of members in `values` are not translated."""
        made = super().__new__(cls, template % values if values else template)
        made._template, made._values = template, values
        return made

    _template: str
    _values: dict[str, object]

    def in_words(self) -> str:
        said = gettext(self._template)
        values = {name: _in_words(value) for name, value in self._values.items()}
        return said % values if values else said


def in_words(sentences: list[str]) -> list[str]:
    """The sentences of `registration.faults` and its neighbours for whoever reads a page."""
    return [_in_words(sentence) for sentence in sentences]  # type: ignore[misc]  # a text stays a text


def _in_words(value: object) -> object:
    return value.in_words() if isinstance(value, Fault) else value


#: What modules that know no language say of an address, a key or a server; here they are found by who translates.
REASONS = (
    _("is not a URI"),
    _("is not an absolute URI"),
    _("contains a wildcard; register each address in full"),
    _("contains a fragment, which no redirect URI may have (RFC 6749, 3.1.2)"),
    _("contains a user name, which disguises the address"),
    _("must begin with https://"),
    _("must begin with https:// (http is for this machine only)"),
    _("contains . or .. as a path segment"),
    _("the key is not of kty EC, OKP or RSA"),
    _("the key has a private part"),
    _("an RSA key has 2048 bits or more, and 8192 at the most"),
    _("the exponent of an RSA key is small"),
    _("the key is malformed"),
    _("not https"),
    _("not an address"),
    _("address not public"),
    _("name not found"),
    _("not reachable"),
    _("too slow"),
    _("too large"),
    _("certificate"),
    _("connection broken"),
    _("not JSON"),
    _("not text"),
)

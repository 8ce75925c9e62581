"""What every page shows around its question, and the plain values that views hand to templates.

Nothing here knows an account, a database or an application's row: a page can be drawn while those are away.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, QueryDict
from django.utils.translation import get_language, gettext


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend. `field` is the id of the element to go to; problems of one field stand together."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Application:
    """The application a person is on the way to, as pages name it."""

    name: str
    logo_uri: str = ""
    policy_uri: str = ""
    tos_uri: str = ""
    client_uri: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer of a page that is answered by choosing. `icon` is a file of templates/idp/icons."""

    value: str
    title: str
    detail: str = ""
    icon: str = "shield"


@dataclass(frozen=True, slots=True)
class Step:
    """Where in a journey a page stands."""

    number: int
    of: int

    @property
    def segments(self) -> tuple[bool, ...]:
        """One entry a step, true as far as the journey has come."""
        return tuple(step < self.number for step in range(self.of))


@dataclass(frozen=True, slots=True)
class Language:
    """A language a page can be read in. `code` is ours, `tag` the one of BCP 47 that browsers know."""

    code: str
    tag: str
    name: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Tenant:
    """The organisation whose pages and messages these are."""

    name: str
    logo: str
    colour: str

    @property
    def initial(self) -> str:
        """Stands where a logo would, if there is none."""
        return self.name[:1].upper()


@dataclass(frozen=True, slots=True)
class Entry:
    """One page of a menu."""

    url: str
    label: str
    current: bool


@dataclass(frozen=True, slots=True)
class Link:
    """An address with the words that lead to it."""

    url: str
    label: str


def tenant() -> Tenant:
    """The organisation, from settings."""
    return Tenant(
        name=settings.TENANT_NAME,
        logo=settings.TENANT_LOGO,
        colour=settings.TENANT_BRAND_COLOR,
    )


def frame(request: HttpRequest) -> dict[str, Any]:
    """Context processor: the tenant, the page's language, the other languages, the links at the foot."""
    return {
        "tenant": tenant(),
        "page_language": language_tag(get_language() or settings.LANGUAGE_CODE),
        "languages": languages(request),
        "foot": foot(),
    }


def languages(request: HttpRequest) -> tuple[Language, ...]:
    """Every language, each with the address of this very page in it."""
    current = get_language()
    found = []
    for code, name in settings.LANGUAGES:
        query = _query(request)
        query["lang"] = code
        found.append(
            Language(
                code=code,
                tag=language_tag(code),
                name=name,
                url=f"?{query.urlencode()}",
                current=code == current,
            ),
        )
    return tuple(found)


def _query(request: HttpRequest) -> QueryDict:
    """What the address carries. Nothing if it cannot be read: the page that says so is drawn all the same."""
    try:
        return request.GET.copy()
    except SuspiciousOperation:
        return QueryDict(mutable=True)


def language_tag(code: str) -> str:
    """`zh-hans` as HTML and mail write it: `zh-Hans` (BCP 47, 2.1.1)."""
    language, _hyphen, script = code.partition("-")
    return f"{language}-{script.title()}" if script else language


def foot() -> tuple[Link, ...]:
    """The tenant's own pages, where it has told us of them."""
    links = (
        Link(url=settings.TENANT_PRIVACY_URL, label=gettext("Privacy")),
        Link(url=settings.TENANT_HELP_URL, label=gettext("Help")),
    )
    return tuple(link for link in links if link.url)

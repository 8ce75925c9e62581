"""Pages: the values templates take, our cookies, where a request comes from, and pages for problems."""

from urllib.parse import urlsplit

from django.conf import settings

from idp.browser import SeeOther, cookie, drop_cookie, network, origin, set_cookie
from idp.pages import Application, Choice, Problem, Step
from idp.problems import page

__all__ = [
    "Application",
    "Choice",
    "Problem",
    "SeeOther",
    "Step",
    "cookie",
    "drop_cookie",
    "issuer_host",
    "network",
    "origin",
    "page",
    "set_cookie",
]


def issuer_host() -> str:
    """The host that people know the provider by."""
    return urlsplit(settings.ISSUER).hostname or ""

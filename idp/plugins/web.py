"""Pages: the values templates take, our cookies, where a request comes from, and pages for problems."""

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
    "network",
    "origin",
    "page",
    "set_cookie",
]

"""What the forms of our pages send: the fields of the form that was shown, and nothing else.

A field that a form does not have is refused, not ignored: who sends more than was asked for is told, instead of being
left to wonder whether it did something. The answer is decided by the names alone, before anything is looked up, so
it is the same for everybody. What programs send is judged by their protocols, most of which want unknown parameters
ignored.
"""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

from django.core.exceptions import BadRequest
from django.http import HttpRequest
from django.http.response import HttpResponseBase

_TOKEN = "csrfmiddlewaretoken"

_P = ParamSpec("_P")
_R = TypeVar("_R", bound=HttpResponseBase)
_View = Callable[Concatenate[HttpRequest, _P], _R]


def takes(*names: str, many: tuple[str, ...] = ()) -> Callable[[_View[_P, _R]], _View[_P, _R]]:
    """Show the view only what was sent by a form with these fields; those in `many` may come more than once.

    The names of buttons are fields too. Stands outermost, so that nobody learns from the refusal how far they got.
    """

    def decorate(view: _View[_P, _R]) -> _View[_P, _R]:
        @wraps(view)
        def guarded(request: HttpRequest, /, *args: _P.args, **kwargs: _P.kwargs) -> _R:
            if request.method == "POST":
                _refuse_others(request, *names, *many, many=many)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def fields(request: HttpRequest, *names: str, file: str = "") -> dict[str, str]:
    """The values of these fields; an empty text for one that was not sent. `file` may be sent as a file.

    For pages that have to say first whether they are there at all. Raises BadRequest, which is answered with 400, for
    any other field or file, and for one that was sent twice.
    """
    _refuse_others(request, *names, file=file)
    return {name: request.POST.get(name, "") for name in names}


def _refuse_others(request: HttpRequest, *names: str, many: tuple[str, ...] = (), file: str = "") -> None:
    sent = request.POST
    twice = [name for name in sent if name not in many and len(sent.getlist(name)) > 1]
    if set(sent) - {_TOKEN, *names} or twice or set(request.FILES) - {file}:
        raise BadRequest("a field that the form does not have")

"""What administrators send: the fields of the form that was shown, and nothing else."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest

_TOKEN = "csrfmiddlewaretoken"


def fields(request: HttpRequest, *names: str) -> dict[str, str]:
    """The values of these fields; an empty text for one that was not sent.

    Raises BadRequest, which is answered with 400, for any other field, for one that was sent twice, and for a file:
    who sends more than was asked for is told, instead of being left to wonder whether it did something.
    """
    sent = request.POST
    twice = [name for name in sent if len(sent.getlist(name)) > 1]
    if set(sent) - {_TOKEN, *names} or twice or request.FILES:
        raise BadRequest("a field that the form does not have")
    return {name: sent.get(name, "") for name in names}

"""What administrators send: the fields of the form that was shown, and nothing else."""

from django.core.exceptions import BadRequest
from django.http import HttpRequest

_TOKEN = "csrfmiddlewaretoken"


def fields(request: HttpRequest, *names: str, file: str = "") -> dict[str, str]:
    """The values of these fields; an empty text for one that was not sent. `file` may be sent as a file.

    Raises BadRequest, which is answered with 400, for any other field or file, and for one that was sent twice: who
    sends more than was asked for is told, instead of being left to wonder whether it did something.
    """
    sent = request.POST
    twice = [name for name in sent if len(sent.getlist(name)) > 1]
    if set(sent) - {_TOKEN, *names} or twice or set(request.FILES) - {file}:
        raise BadRequest("a field that the form does not have")
    return {name: sent.get(name, "") for name in names}

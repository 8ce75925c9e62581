"""`/account/data/`: a copy of what is kept about somebody, for them alone to take along."""

from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_http_methods

from idp import browser
from idp.account import export, frame
from idp.audit.events import DataDownloaded
from idp.audit.record import record
from idp.forms import takes
from idp.login.again import freshly, signed_in
from idp.models import SignIn

_FILE = "account.json"


@takes()
@require_http_methods(["GET", "HEAD", "POST"])
def data(request: HttpRequest) -> HttpResponseBase:
    """What the copy holds; by POST, the copy, for somebody who has just shown who they are."""
    return _download(request) if request.method == "POST" else _explain(request)


@signed_in
def _explain(request: HttpRequest, here: SignIn) -> HttpResponse:
    return frame.show(request, here, "idp/account/data.html", {})


@freshly
def _download(request: HttpRequest, here: SignIn) -> HttpResponseBase:
    """Written as it is read: however long the history, memory stays flat."""
    now = timezone.now()
    with transaction.atomic():
        record(DataDownloaded(user=here.user_id), origin=browser.origin(request))
    pieces = export.pieces(here.user, now=now, language=get_language() or "")
    response = StreamingHttpResponse(pieces, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{_FILE}"'
    return response

"""`/healthz`, `/readyz` and `/metrics`: for load balancers, orchestrators and monitoring.

Signing in needs no mail. So whether people may be sent here and whether messages go out are two answers at two
addresses: if a mail server's outage turned `/readyz` red, every web process would leave the load balancer at once,
and an inconvenience would have become an outage of everything.
"""

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from idp import metrics, startup, traffic
from idp.audit import export
from idp.keystore.keys import KeysAway

_NO_DATABASE = "the database cannot be reached"


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """The process answers. It says nothing about what it depends on."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Database reachable, migrations applied, guards in place: people may be sent here.

    That messages are late, or the audit is behind at a second place, is said and changes nothing: they sign in all the
    same.
    """
    late: list[str] = []
    behind: list[str] = []
    try:
        faults = startup.faults()
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            faults.append("migrations are not applied")
        else:
            late, behind = _late(), export.faults(timezone.now())
    except OperationalError:
        faults = [_NO_DATABASE]
    except KeysAway as away:
        faults = [str(away)]
    if faults:
        return JsonResponse({"status": "not ready", "faults": faults}, status=503)
    return JsonResponse(
        {"status": "ready", **({"delivery": late} if late else {}), **({"audit": behind} if behind else {})}
    )


@require_safe
def delivery(_request: HttpRequest) -> JsonResponse:
    """`/readyz/delivery`: codes and notices go out. Red once the outbox is older than a minute."""
    try:
        late = _late()
    except OperationalError:
        late = [_NO_DATABASE]
    if late:
        return JsonResponse({"status": "late", "faults": late}, status=503)
    return JsonResponse({"status": "on time"})


def _late() -> list[str]:
    return [str(fault) for fault in traffic.faults(timezone.now())]


@require_safe
def numbers(request: HttpRequest) -> HttpResponse:
    """`/metrics`: for who shows the operator's token. Without one set, the address does not exist."""
    if not settings.METRICS_TOKEN:
        raise Http404
    if not metrics.may_read(request.headers.get("Authorization", "")):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    try:
        body = metrics.exposition(with_sources=True)
    except (OperationalError, InterfaceError):
        # What was counted is told all the same: that is when somebody wants to see it.
        body = metrics.exposition(with_sources=False)
    return HttpResponse(body, content_type=metrics.CONTENT_TYPE)

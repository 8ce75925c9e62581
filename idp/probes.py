"""`/healthz` and `/readyz`: for load balancers and orchestrators."""

from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from idp import startup


@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """The process answers. It says nothing about what it depends on."""
    return JsonResponse({"status": "alive"})


@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Database reachable, migrations applied, guards in place: people may be sent here."""
    try:
        faults = startup.faults()
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            faults.append("migrations are not applied")
    except OperationalError:
        faults = ["the database cannot be reached"]
    if faults:
        return JsonResponse({"status": "not ready", "faults": faults}, status=503)
    return JsonResponse({"status": "ready"})

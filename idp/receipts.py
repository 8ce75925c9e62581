"""`/receipts/<provider>`: where providers tell what became of a message. It marks addresses, and stops nothing.

The address exists for providers that can show who they are (`idp.channels.receipts`), and for nobody else.
"""

import structlog
from django.conf import settings
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from idp.accounts import marks
from idp.channels import Forged, NotNow, Unreadable, receipts
from idp.channels.receipts import Receipt
from idp.keyring import fingerprint
from idp.models import AddressMark, Handover

log = structlog.get_logger(__name__)

Outcome = Handover.Outcome
#: What may still follow on what: a receipt that comes twice, or late, changes nothing.
_OVERTAKES = {
    Outcome.FAILED: [""],
    Outcome.DELIVERED: ["", Outcome.FAILED],
    Outcome.BOUNCED: ["", Outcome.FAILED, Outcome.DELIVERED],
    Outcome.COMPLAINED: ["", Outcome.FAILED, Outcome.DELIVERED, Outcome.BOUNCED],
}


@require_POST
def receive(request: HttpRequest, name: str) -> HttpResponse:
    """204 for whatever a provider tells, known or not: it shall neither repeat nor conclude anything."""
    provider = receipts.named(name)
    if provider is None:
        raise Http404
    try:
        told = receipts.read(provider, request, url=f"{settings.ISSUER}/receipts/{name}")
    except Forged as error:
        log.warning("receipt not believed", alarm="receipts", provider=name, reason=str(error))
        return JsonResponse({"error": "forbidden"}, status=403)
    except NotNow as error:
        log.warning("receipt not judged", provider=name, reason=str(error))
        return JsonResponse({"error": "temporarily_unavailable"}, status=503)
    except Unreadable as error:
        log.warning("receipt not understood", provider=name, reason=str(error))
        return JsonResponse({"error": "invalid_request"}, status=400)
    for receipt in told:
        _note(name, receipt)
    return HttpResponse(status=204)


def _note(provider: str, receipt: Receipt) -> None:
    now = timezone.now()
    taken = Handover.objects.filter(provider=provider, reference_hash=fingerprint(receipt.reference))
    with transaction.atomic():
        changed = taken.filter(outcome__in=_OVERTAKES[Outcome(receipt.outcome)]).update(
            outcome=receipt.outcome, outcome_at=now
        )
        if not changed:
            return
        address, message = taken.values_list("address", "message").get()
        if receipt.outcome == Outcome.DELIVERED:
            marks.clear(address)
        elif receipt.outcome in AddressMark.Fault:
            marks.mark(address, receipt.outcome, provider=provider, now=now)
    log.info("receipt", provider=provider, message=str(message), outcome=receipt.outcome)

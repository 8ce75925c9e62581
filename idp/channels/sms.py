"""Text messages: through whichever gateway of SMS_URL is there, in its order."""

from threading import local

from django.conf import settings

from idp.channels import Text, dialects, web
from idp.channels.chain import Line, Provider
from idp.channels.gateways import Gateway

_kept = local()


def way() -> Line[Text]:
    """The way of one text, or of nobody's: a context, entered by finding a gateway that is there."""
    return Line(_providers())


def tells(gateway: Gateway) -> bool:
    """Whether we would believe what this gateway tells us: there is something to know it by."""
    return bool(gateway.signing_key) or (gateway.family in ("json", "vonage") and bool(settings.RECEIPTS_SECRET))


def _providers() -> tuple[Provider[Text], ...]:
    """This thread's own, as with e-mail."""
    asked = (settings.SMS_GATEWAYS, settings.RECEIPTS_SECRET, settings.ISSUER)
    if getattr(_kept, "settings", None) != asked:
        _kept.settings = asked
        _kept.providers = tuple(SmsGateway(each, receipts=_receipts(each)) for each in settings.SMS_GATEWAYS)
    providers: tuple[Provider[Text], ...] = _kept.providers
    return providers


def _receipts(gateway: Gateway) -> str:
    return f"{settings.ISSUER}/receipts/{gateway.name}" if tells(gateway) else ""


class SmsGateway:
    """A gateway as a provider of the chain. `receipts` is where it is to tell what became of a message."""

    def __init__(self, gateway: Gateway, *, receipts: str) -> None:
        self.name = gateway.name
        self._dialect = dialects.of(gateway)
        self._receipts = receipts
        self._ca = gateway.ca

    def open(self, *, seconds: float) -> None:
        if not isinstance(self._dialect, dialects.Other):
            web.knock(web.session(self._ca), self._dialect.origin(), seconds=seconds)

    def send(self, words: Text, *, to: str, key: str, seconds: float) -> str:
        if isinstance(self._dialect, dialects.Other):
            self._dialect.notify(words.body, to)
            return ""
        url, request = self._dialect.request(words.body, to, key, self._receipts)
        request["headers"] = {"Idempotency-Key": key, "Accept": "application/json", **request.get("headers", {})}
        return self._dialect.judge(web.post(web.session(self._ca), url, seconds=seconds, **request))

    def release(self) -> None:
        """Connections are kept by the session."""

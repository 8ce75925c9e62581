"""E-mail: through whichever provider of EMAIL_URL is there, in its order."""

from threading import local

from django.conf import settings

from idp.channels import Letter
from idp.channels.addresses import Api, Backend, Server
from idp.channels.chain import Line, Provider
from idp.channels.mail_apis import MailApi
from idp.channels.mail_backend import MailBackend
from idp.channels.smtp import MailServer

_kept = local()


def way() -> Line[Letter]:
    """The way of one letter, or of nobody's: a context, entered by finding a provider that is there."""
    return Line(_providers())


def _providers() -> tuple[Provider[Letter], ...]:
    """This thread's own: a provider holds a connection between the two halves of a hand-over."""
    if getattr(_kept, "settings", None) != settings.EMAIL_PROVIDERS:
        _kept.settings = settings.EMAIL_PROVIDERS
        _kept.providers = tuple(_provider(each) for each in settings.EMAIL_PROVIDERS)
    providers: tuple[Provider[Letter], ...] = _kept.providers
    return providers


def _provider(each: Server | Api | Backend) -> Provider[Letter]:
    match each:
        case Server():
            return MailServer(each)
        case Api():
            return MailApi(each)
        case _:
            return MailBackend(each)

"""Providers with an interface of their own, by django-anymail.

The first half of a hand-over asks the interface for nothing in particular: any answer means that it is there, except
those by which a machine in front of it says that it is not. It goes over the connection that the letter then uses.
"""

from importlib import import_module
from typing import Any

import requests
from anymail.exceptions import AnymailAPIError, AnymailError, AnymailRecipientsRefused

from idp.channels import Away, Bounced, Deferred, Letter, Refused, Unknown, web
from idp.channels.addresses import Api
from idp.channels.letters import composed

#: Where anymail has a backend for the family; the others are called as the family is.
_BACKENDS = {"ses": "amazon_ses"}
#: They can be told not to rewrite links and not to count who opens what. The others do not, unless told to.
_TRACKING = frozenset({"mailgun", "postmark", "sendgrid"})
#: The provider judges what was sent, not who sent it nor how much.
_NEVER = frozenset({400, 404, 406, 413, 415, 422})


class MailApi:
    """A provider of the chain that is spoken to by its own interface."""

    def __init__(self, api: Api) -> None:
        self.name = api.name
        self._api = api
        self._backend: Any = None

    def open(self, *, seconds: float) -> None:
        self._backend = self._backend or backend(self._api)
        self._backend.timeout = seconds
        try:
            self._backend.open()
            if self._api.ca and getattr(self._backend, "session", None) is not None:
                self._backend.session.verify = self._api.ca
            web.knock(self._session(), self._address(), seconds=seconds)
        except AnymailError as error:
            raise Away(type(error).__name__) from None

    def send(self, words: Letter, *, to: str, key: str, seconds: float) -> str:
        self._backend.timeout = seconds
        message: Any = composed(words, to=to, key=key)
        if self._api.family in _TRACKING:
            message.track_clicks = message.track_opens = False
        try:
            self._backend.send_messages([message])
        except AnymailRecipientsRefused:
            raise Bounced("recipient") from None
        except requests.ConnectTimeout:
            raise Deferred("ConnectTimeout") from None
        except (requests.ConnectionError, requests.Timeout) as error:
            raise Unknown(web.name_of(error)) from None
        except AnymailAPIError as error:
            status = getattr(error, "status_code", None)
            raise (Refused if status in _NEVER else Deferred)(f"status {status}") from None
        except (AnymailError, ValueError) as error:
            # It cannot be put into this provider's words: a header with a line break, an address it does not know.
            raise Refused(type(error).__name__) from None
        _check_taken(message)
        return str(message.anymail_status.message_id or "")

    def release(self) -> None:
        """Its connections are kept by the session, which drops those that were closed."""

    def _session(self) -> requests.Session:
        return getattr(self._backend, "session", None) or web.session(self._api.ca)

    def _address(self) -> str:
        if hasattr(self._backend, "api_url"):
            return str(self._backend.api_url)
        return str(self._backend.client.meta.endpoint_url)


def _check_taken(message: Any) -> None:
    """Some say 200, and what they think of the recipient in the body. Raises Bounced or Refused."""
    statuses = {each.status for each in message.anymail_status.recipients.values()}
    if statuses & {"invalid", "rejected"}:
        raise Bounced("recipient")
    if not statuses <= {"sent", "queued"} and not message.anymail_status.message_id:
        raise Refused("not taken")


def backend(api: Api) -> Any:
    """Anymail's backend for it. Raises ImportError if that needs a package which is not installed."""
    module = import_module(f"anymail.backends.{_BACKENDS.get(api.family, api.family)}")
    return module.EmailBackend(fail_silently=False, **api.options)

"""A backend of Django's, or of one's own, as a provider of the chain."""

import smtplib
from typing import Any

from django.core.mail import get_connection

from idp.channels import Away, Bounced, Deferred, Letter, Refused, Unknown
from idp.channels.addresses import Backend
from idp.channels.letters import composed

_PERMANENT = 500


class MailBackend:
    """Whatever `settings.EMAIL_PROVIDERS` names by a dotted path."""

    def __init__(self, backend: Backend) -> None:
        self.name = backend.name
        self._backend = backend
        self._connection: Any = None

    def open(self, *, seconds: float) -> None:  # noqa: ARG002 -- a backend has its own patience
        try:
            self._connection = get_connection(self._backend.path, fail_silently=False)
            self._connection.open()
        except (OSError, smtplib.SMTPException) as error:
            raise Away(type(error).__name__) from None

    def send(self, words: Letter, *, to: str, key: str, seconds: float) -> str:  # noqa: ARG002 -- as above
        try:
            self._connection.send_messages([composed(words, to=to, key=key)])
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _reply in error.recipients.values()]
            raise (Bounced if all(code >= _PERMANENT for code in codes) else Deferred)(str(codes)) from None
        except smtplib.SMTPResponseException as error:
            raise (Refused if error.smtp_code >= _PERMANENT else Deferred)(str(error.smtp_code)) from None
        except (OSError, smtplib.SMTPException) as error:
            raise Unknown(type(error).__name__) from None
        except ValueError:
            raise Refused("not fit for a header") from None
        return ""

    def release(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

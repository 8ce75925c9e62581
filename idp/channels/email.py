"""E-mail by SMTP."""

import smtplib

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from idp.channels import Away, Letter, Refused

#: RFC 3834: no machine shall answer a machine.
_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
_PERMANENT = 500


def send(letter: Letter, *, to: str) -> None:
    """Hand `letter` to the mail provider for `to`. Raises Away or Refused; returns once it was accepted."""
    message = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        headers=_HEADERS,
    )
    message.attach_alternative(letter.html, "text/html")
    try:
        with _connection() as connection:
            connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _reply in error.recipients.values()]
        raise (Refused if all(code >= _PERMANENT for code in codes) else Away)(str(codes)) from None
    except smtplib.SMTPResponseException as error:
        raise (Refused if error.smtp_code >= _PERMANENT else Away)(str(error.smtp_code)) from None
    except (OSError, smtplib.SMTPException) as error:
        raise Away(type(error).__name__) from None


def probe() -> None:
    """Find out whether the provider is there, handing it nothing. Raises Away.

    What a decoy does instead of `send`: its page then says "sent" and "delayed" when the real one would.
    """
    try:
        with _connection():
            pass
    except (OSError, smtplib.SMTPException) as error:
        raise Away(type(error).__name__) from None


def _connection() -> BaseEmailBackend:
    return get_connection(fail_silently=False)

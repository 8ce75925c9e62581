"""A letter as it goes over the wire."""

from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMultiAlternatives

from idp.channels import Letter

#: RFC 3834: no machine shall answer a machine.
_HEADERS = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}


def composed(letter: Letter, *, to: str, key: str) -> EmailMultiAlternatives:
    """The message with its headers, which Django refuses to write if there is a line break in one (CRLF, `Bcc:`)."""
    message = EmailMultiAlternatives(
        subject=letter.subject,
        body=letter.text,
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[to],
        # The same for each attempt: a mailbox that gets one twice may know it by this, and show it once.
        headers={**_HEADERS, "Message-ID": f"<{key}@{urlsplit(settings.ISSUER).hostname}>"},
    )
    message.attach_alternative(letter.html, "text/html")
    return message

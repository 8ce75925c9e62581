"""The notice that a policy which asks for less was announced: what will be new, and from when on at the earliest."""

from datetime import datetime

from django.utils import timezone, translation

from idp.plugins import delivery, limits
from idp.plugins.delivery import Message
from idp.plugins.hooks import Letter, Text
from recovery import in_words
from recovery.conf import policy
from recovery.domain.loosening import read


def words(message: Message, *, language: str) -> Letter | Text:
    """The message, written by the worker in the language of its reader."""
    old, new = (read(message.facts[name], otherwise=policy()) for name in ("from", "to"))
    not_before = timezone.localtime(datetime.fromisoformat(message.facts["not_before"]))
    if message.channel == delivery.SMS:
        return delivery.text("recovery/sms/policy_loosened", language=language, not_before=not_before)
    with translation.override(language):
        sentences = in_words.new_sentences(old, new, limits.policy())
    return delivery.write(
        "recovery/mail/policy_loosened", language=language, sentences=sentences, not_before=not_before
    )

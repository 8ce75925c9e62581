"""Why an administrator does something: one of a few words, so that no free text stands in the history."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Reason(TextChoices):
    """What the forms offer."""

    NEW_COLLEAGUE = "new-colleague", _("A new colleague")
    LEFT = "left", _("They left")
    THEY_ASKED = "they-asked", _("They asked for it")
    MISTAKE = "mistake", _("Something was a mistake")
    SECURITY = "security", _("For security")
    OTHER = "other", _("Something else")


def read(text: str) -> Reason | None:
    """The reason of a form; None if none was chosen."""
    return Reason(text) if text in Reason.values else None

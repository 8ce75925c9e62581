"""What keeps a process of this provider from starting: asked by web, worker and beat alike, once Django is set up."""

from django.core.exceptions import ImproperlyConfigured
from django.db import OperationalError, ProgrammingError
from django.utils import timezone


def check(*also: str) -> None:
    """Raise ImproperlyConfigured, with every fault in words for an operator, if there is one; `also` are found already.

    A worker without the right keys would send codes that nobody can type, and take every seal for a forgery.
    """
    faults = [*also, *_of_the_database()]
    if faults:
        raise ImproperlyConfigured(f"This provider is not fit to start: {'; '.join(faults)}.")


def _of_the_database() -> list[str]:
    from idp import startup  # noqa: PLC0415 -- its models exist once Django is set up
    from idp.keystore.keys import KeysAway  # noqa: PLC0415 -- as above
    from idp.seals import tables  # noqa: PLC0415 -- as above

    try:
        return startup.faults() or tables.unopened(timezone.now())
    except (OperationalError, KeysAway):
        return []  # it, or a token, is away; /readyz says so, pages answer 503 and tasks fail until it is back
    except ProgrammingError:
        return ["the tables are missing; run `manage.py migrate`"]

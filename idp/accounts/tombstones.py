"""Names of deleted accounts, which nobody gets again: an application may still know somebody else by them (AD-11).

User names and addresses share one kind, as they share the field at sign-in. Subjects are another; they are random, so
meeting one again is all but impossible, and looked for all the same.
"""

from collections.abc import Iterable
from datetime import datetime

from idp import keyring
from idp.models import Tombstone, User
from idp.models.user import canonical, new_sub

_LABEL = "tombstone"
_SUB, _IDENTIFIER = "sub", "identifier"


def bury(user: User, *, now: datetime) -> None:
    """Keep `sub`, user name and address of `user` from being given again. Runs in its caller's transaction."""
    digests = [_sub(user.sub), *(_identifier(each) for each in (user.preferred_username, user.email) if each)]
    Tombstone.objects.bulk_create(
        [Tombstone(digest=digest, created_at=now) for digest in dict.fromkeys(digests)],
        ignore_conflicts=True,
    )


def buried(identifiers: Iterable[str]) -> frozenset[str]:
    """Of these user names and addresses, those of deleted accounts, in their canonical form; one query."""
    by_digest = {_identifier(each): canonical(each) for each in identifiers}
    found = Tombstone.objects.filter(digest__in=by_digest).values_list("digest", flat=True)
    return frozenset(by_digest[digest] for digest in found)


def unused_sub() -> str:
    """A subject that no account has had."""
    return unused_subs(1)[0]


def unused_subs(count: int) -> list[str]:
    """So many subjects that no account has had; one query."""
    subs = {_sub(sub): sub for sub in (new_sub() for _each in range(count))}
    for digest in Tombstone.objects.filter(digest__in=subs).values_list("digest", flat=True):
        subs[digest] = unused_sub()
    return list(subs.values())


def _sub(value: str) -> str:
    return keyring.digest(_LABEL, _SUB, value)


def _identifier(value: str) -> str:
    return keyring.digest(_LABEL, _IDENTIFIER, canonical(value))

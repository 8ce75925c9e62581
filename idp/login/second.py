"""The second factor on the same form as the password, for whoever cannot wait until a pause is over.

It is judged first, under a budget of its own, and only if it is right is the password looked at: so this way in helps
nobody who does not hold it, and strangers who send codes use up neither the owner's pauses nor the owner's factor.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from idp import keyring
from idp.audit.events import Origin
from idp.conf import Policy
from idp.models import Device, User


@dataclass(frozen=True, kw_only=True)
class Right:
    #: Which kind of factor it was.
    kind: str


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """It was none of the account's codes; or there is no such account, or it has none."""


@dataclass(frozen=True, kw_only=True)
class Paused:
    until: datetime


class Judge(Protocol):
    """Says whether `answer` is a second factor of `user`; of nobody (None) nothing is, with the same work.

    Tries are counted for `subject`, which depends on what was typed and from where, and on nothing else.
    """

    def __call__(
        self,
        user: User | None,
        answer: str,
        *,
        subject: keyring.Part,
        device: Device | None,
        policy: Policy,
        origin: Origin,
        now: datetime,
    ) -> Right | Wrong | Paused: ...


def nobody_has_one(_user: User | None, _answer: str, **_circumstances: object) -> Wrong:
    """While no kind of second factor can be added to an account, no answer is one."""
    return Wrong()


judge: Judge = nobody_has_one

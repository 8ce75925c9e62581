"""What must be so after any attempt at somebody's account, whoever made it and however: nobody but its owner is in.

Either the owner's old password still works or the account refuses everybody; and unless the attempt was refused on
the spot, and changed nothing, whoever looks is told of it.
"""

import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.core.exceptions import FieldDoesNotExist, FieldError
from django.core.management import CommandError, call_command
from django.core.serializers.base import DeserializationError
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from idp import guards
from idp.accounts import credentials, hashers, sessions
from idp.conf import policy
from idp.models import AuditEntry, Credential, RecoveryAddress, User
from tests.attacks.prompt import THEIRS, db_id
from tests.conftest import PASSWORD, make_person
from tests.story import Person

#: What an attempt that is refused on the spot raises.
REFUSALS = (
    *(DatabaseError, psycopg.Error, FieldError, FieldDoesNotExist, DeserializationError, CommandError),
    *(NotImplementedError, credentials.ProofStale, TypeError, ValueError),
)
SESSION = "__Host-regain-session"


@dataclass
class Scene:
    """Jane, whose account it is, and Mallory, who has an account, a browser and a password of their own."""

    jane: User
    mallory: User
    browser: Person
    #: The hash of a password that Mallory knows.
    theirs: str
    #: What Mallory holds besides, and how it is used: each is tried afterwards.
    doors: list[Callable[[], Person]] = field(default_factory=list)

    @property
    def victim(self) -> Any:
        """Jane's key, as the columns hold it."""
        return db_id(self.jane.pk)

    @property
    def attacker(self) -> Any:
        return db_id(self.mallory.pk)

    @property
    def password(self) -> Credential:
        return Credential.objects.get(user=self.jane, kind="password")


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What is done, and what comes of it."""

    does: Callable[[Scene], object]
    #: Nothing is changed; and whether it raises.
    vain: bool = False
    raises: bool = False
    #: Whether the owner still gets in with the old password; if not, nobody does.
    owner_enters: bool = True
    #: It is made with the keys: what it forges lets its maker in.
    forged: bool = False
    #: How it shows: the name of an entry in the audit, or words of `verify_audit` or `verify_seals`.
    shows: str = ""


def refused(does: Callable[[Scene], object]) -> Attempt:
    """It raises, and nothing is changed."""
    return Attempt(does=does, vain=True, raises=True)


def vain(does: Callable[[Scene], object]) -> Attempt:
    """Nothing says no, and nothing is changed."""
    return Attempt(does=does, vain=True)


def shut(does: Callable[[Scene], object]) -> Attempt:
    """What it writes has no seal of ours: the first try to use it freezes the account, for everybody."""
    return Attempt(does=does, owner_enters=False, shows="idp.account.frozen")


def emptied(does: Callable[[Scene], object], *, shows: str) -> Attempt:
    """It leaves nothing to sign in with, for anybody."""
    return Attempt(does=does, owner_enters=False, shows=shows)


def useless(does: Callable[[Scene], object], *, shows: str) -> Attempt:
    """It opens nothing, the owner gets in as before, and it shows."""
    return Attempt(does=does, shows=shows)


def forged(does: Callable[[Scene], object], *, shows: str) -> Attempt:
    """Whoever has the keys can do that; it shows."""
    return Attempt(does=does, owner_enters=False, forged=True, shows=shows)


@pytest.fixture
def scene(jane: User) -> Scene:
    """All in one transaction, which the database is told to have finished checking: tables may be altered in it."""
    mallory = make_person("mallory", email="mallory@evil.example", password=THEIRS)
    browser = signing_in("mallory", THEIRS)
    assert whose(browser) == mallory.pk
    connection.check_constraints()
    return Scene(jane=jane, mallory=mallory, browser=browser, theirs=hashers.hash_password(THEIRS))


def make(attempt: Attempt, scene: Scene) -> None:
    """Make the attempt, and assert all that must be so afterwards."""
    before, last = _guarded(), _last_entry()
    raised = _raised(attempt, scene)
    assert bool(raised) == attempt.raises, raised or "it was not refused"
    if attempt.vain:
        assert _guarded() == before
        assert guards.missing() == []
    assert _enters(scene) == {
        "the attacker, by what they hold": False,
        "the attacker, by their own password": attempt.forged,
        "the owner, by the old password": attempt.owner_enters,
    }
    shown = evidence(scene, since=last)
    if attempt.vain:
        assert shown == set(), "it changed nothing, so there is nothing to tell"
    else:
        assert [each for each in shown if attempt.shows in each], shown


def _raised(attempt: Attempt, scene: Scene) -> Exception | None:
    try:
        with transaction.atomic():
            attempt.does(scene)
            connection.check_constraints()
    except REFUSALS as error:
        return error
    return None


# --- Who gets in ------------------------------------------------------------------------------------------


def _enters(scene: Scene) -> dict[str, bool]:
    browsers = [scene.browser, *(door() for door in scene.doors)]
    for browser in browsers:
        browser.open("/account/")
    return {
        "the attacker, by what they hold": any(whose(browser) == scene.jane.pk for browser in browsers),
        "the attacker, by their own password": whose(signing_in("jane", THEIRS)) == scene.jane.pk,
        "the owner, by the old password": whose(signing_in("jane", PASSWORD, address="192.0.2.10")) == scene.jane.pk,
    }


def signing_in(username: str, password: str, *, address: str = "198.51.100.7") -> Person:
    """A browser of nobody's that sends this form."""
    person = Person(address=address)
    person.open("/sign-in")
    person.submit(username=username, password=password)
    return person


def whose(person: Person) -> Any:
    """Whose account this browser is signed in to; None: nobody's."""
    held = person.http.cookies.get(SESSION)
    found = sessions.find(held.value, policy=policy(), now=timezone.now()) if held else None
    return found.user_id if found else None


# --- How it shows -----------------------------------------------------------------------------------------


def evidence(scene: Scene, *, since: int) -> set[str]:
    """What the audit and the two commands say that it did not say, or they, before."""
    names = AuditEntry.objects.filter(sequence__gt=since).values_list("name", flat=True)
    return {name for name in names if name not in _EVERYDAY} | _said("verify_audit") | _said("verify_seals")


#: What a sign-in of anybody leaves behind.
_EVERYDAY = ("idp.device.added",)


def _said(command: str) -> set[str]:
    """What the command objects to. What it does is undone: the other one is to see for itself."""
    said = io.StringIO()
    try:
        call_command(command, stdout=io.StringIO(), stderr=said)
    except CommandError as error:
        return {f"{command}: {error} {said.getvalue()}"}
    return set()


def _guarded() -> list[list[tuple[Any, ...]]]:
    return [sorted(map(repr, model.objects.values_list())) for model in (Credential, RecoveryAddress, User)]


def _last_entry() -> int:
    return AuditEntry.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0

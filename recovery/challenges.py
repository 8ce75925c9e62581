"""Askings: opening one, counting a try, and turning a right answer into a proof. Shared by every method."""

from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F

from idp.plugins import keys
from recovery import journeys, proof
from recovery.models import Challenge, Journey, JourneyProof


def open_for(row: Journey, method: str, *, now: datetime) -> None:
    """Ask by a method that sends nothing. An asking that is open goes on, with the tries it has used."""
    Challenge.objects.get_or_create(
        journey=row, method=method, defaults={"created_at": now, "generation": 0, "nonce": b""}
    )


def count_try(row: Journey, method: str, *, tries: int) -> Challenge | None:
    """Count a try. None if there is none left, or nothing to answer.

    One UPDATE of its own, committed before anything is compared: of two hundred parallel guesses exactly the budget's
    number are compared, and no later error gives a try back.
    """
    counted = Challenge.objects.filter(
        journey=row,
        method=method,
        spent_at=None,
        tries_used__lt=tries,
    ).update(tries_used=F("tries_used") + 1)
    return journeys.challenge(row, method) if counted else None


def spend(
    challenge: Challenge, row: Journey, *, thing: UUID, thing_version: int, browser_key: str, now: datetime
) -> JourneyProof | None:
    """Turn the answered challenge into a proof, once. None if somebody else just did. In a transaction.

    `thing` is the address that was read, or the credential that was shown.
    """
    if not transaction.get_connection().in_atomic_block or row.subject is None:
        raise proof.Unearned(row.pk)
    if not Challenge.objects.filter(pk=challenge.pk, spent_at=None).update(spent_at=now):
        return None
    return prove(row, challenge.method, thing=thing, thing_version=thing_version, browser_key=browser_key, now=now)


def prove(
    row: Journey, method: str, *, thing: UUID, thing_version: int, browser_key: str, now: datetime
) -> JourneyProof:
    """Write the proof that `method` earned, of this journey, account and browser. In a transaction."""
    if row.subject is None:
        raise proof.Unearned(row.pk)
    earned = JourneyProof(
        journey=row,
        user=row.subject,
        method=method,
        purpose=proof.PURPOSE,
        thing=thing,
        thing_version=thing_version,
        browser_hash=keys.fingerprint(browser_key),
        created_at=now,
    )
    earned.seal = proof.seal(earned)
    earned.save(force_insert=True)
    return earned


def carry_over(proofs: tuple[JourneyProof, ...], *, browser_key: str) -> None:
    """Bind what was proven before to the journey's new key, as the new proof is. In the transaction of that one."""
    for each in proofs:
        each.browser_hash = keys.fingerprint(browser_key)
        each.seal = proof.seal(each)
        if not JourneyProof.objects.filter(pk=each.pk, consumed_at=None).update(
            browser_hash=each.browser_hash, seal=each.seal
        ):
            raise journeys.Moved(each.pk)

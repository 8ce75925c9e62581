"""Journeys in the database: found by the browser's key, written only if nobody wrote since."""

from dataclasses import dataclass, replace
from datetime import datetime
from secrets import token_urlsafe
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q

from idp.plugins import accounts, keys
from recovery import proof, standing
from recovery.domain.journey import Ending, Journey
from recovery.domain.policy import FORGOT
from recovery.domain.ways import Plan, Standing
from recovery.models import Challenge, JourneyProof
from recovery.models import Journey as Row


class Moved(Exception):  # noqa: N818 -- it says what happened
    """The journey went on meanwhile, in another tab or another request. Look again where it stands."""


@dataclass(frozen=True, kw_only=True)
class Held:
    """A journey as one request found it: the facts to decide by, and the row to write to."""

    facts: Journey
    row: Row
    proofs: tuple[JourneyProof, ...]


def load(browser_key: str, *, now: datetime) -> Held | None:
    """The journey of this browser, with the proofs that hold in it. Two queries before the first proof."""
    row = Row.objects.filter(browser_hash=keys.fingerprint(browser_key)).first() if browser_key else None
    if row is None:
        return None
    genuine = tuple(
        each
        for each in JourneyProof.objects.filter(journey=row)
        if proof.is_genuine(each, journey=row.id, subject=row.subject, browser_hash=row.browser_hash)
    )
    # Nothing depends on the account before something was proven; then it counts how the account stands now.
    stands = _stands(row, now=now) if genuine else None
    return Held(facts=_facts(row, genuine, stands), row=row, proofs=genuine)


def with_proof(held: Held, method: str, *, now: datetime) -> Journey:
    """The facts after one more proof, which has just been written."""
    stands = _stands(held.row, now=now)
    proven = held.facts.proven | {method}
    return replace(_facts(held.row, held.proofs, stands), ending=None, proven=proven)


def begin(
    *,
    counted_as: str,
    interaction_id: str,
    subject: UUID | None,
    password_version: int,
    plan: Plan,
    known_browser: bool,
    now: datetime,
    expires_at: datetime,
) -> tuple[Row, str]:
    """A new journey and the key only its browser gets to know."""
    key = token_urlsafe(32)
    row = Row.objects.create(
        browser_hash=keys.fingerprint(key),
        counted_as=counted_as,
        interaction_id=interaction_id,
        subject=subject,
        password_version=password_version,
        plan=standing.written(plan),
        known_browser=known_browser,
        started_at=now,
        expires_at=expires_at,
    )
    return row, key


def write(row: Row, *, though: tuple[Ending, ...] = (), **changes: Any) -> None:
    """Write `changes`, if the row is as it was read and open, or ended in one of `though`. Raises Moved otherwise."""
    revision = row.revision + 1
    written = Row.objects.filter(pk=row.pk, revision=row.revision, ending__in=["", *though]).update(
        revision=revision,
        **changes,
    )
    if not written:
        raise Moved(row.pk)
    for name, value in {"revision": revision, **changes}.items():
        setattr(row, name, value)


def run_out(row: Row) -> None:
    """End the journey because no try is left, unless it went on.

    Its revision stays: a right answer among the counted ones, still being judged, is not too late (`though`).
    """
    Row.objects.filter(pk=row.pk, revision=row.revision, ending="").update(ending=Ending.TRIES)


def consume(proofs: tuple[JourneyProof, ...], *, now: datetime) -> None:
    """Use the proofs up. Raises Moved if one of them was used meanwhile."""
    ids = [each.pk for each in proofs]
    if JourneyProof.objects.filter(pk__in=ids, consumed_at=None).update(consumed_at=now) != len(ids):
        raise Moved(ids)


def end_others(subject: UUID, *, than: UUID) -> None:
    """End every other open journey of the account: one success closes all doors that were ajar.

    Whoever has proven something, or is at a browser that the account knows, is told. From anybody else it is kept that
    there is such an account, and that it came back: their journey goes on, as nobody's.
    """
    others = Row.objects.filter(subject=subject, ending="").exclude(pk=than)
    proven = JourneyProof.objects.filter(journey=OuterRef("pk"), consumed_at=None)
    others.filter(Q(known_browser=True) | Exists(proven)).update(ending=Ending.ELSEWHERE)
    others.update(subject=None)


def let_go(subject: UUID) -> None:
    """From here on the open journeys of the account are nobody's, and walk on as decoys: its owner froze it.

    What was proven in them proves nothing any more, and no code that was sent is right.
    """
    Row.objects.filter(subject=subject, ending="").update(subject=None, revision=F("revision") + 1)


def sweep(before: datetime) -> int:
    """Remove journeys that ended before `before`, with all that hangs on them. Returns how many rows."""
    return Row.objects.filter(expires_at__lt=before).delete()[0]


def challenge(row: Row, method: str) -> Challenge | None:
    """The open asking by `method`, if there is one."""
    return Challenge.objects.filter(journey=row, method=method).first()


def _stands(row: Row, *, now: datetime) -> Standing:
    stands = standing.of(row.subject, has_password=bool(row.password_version), now=now)
    return replace(stands, stopped=accounts.is_stopped(row.subject))


def _facts(row: Row, genuine: tuple[JourneyProof, ...], stands: Standing | None) -> Journey:
    return Journey(
        id=row.id,
        revision=row.revision,
        interaction_id=row.interaction_id,
        subject=row.subject,
        password_version=row.password_version,
        started_at=row.started_at,
        expires_at=row.expires_at,
        # Whoever stopped everything has one thing left to do, whatever else they say.
        problem=FORGOT if stands is not None and stands.stopped else row.problem,
        method=row.method,
        challenged=row.challenged,
        proven=frozenset(each.method for each in genuine),
        plan=standing.read(row.plan),
        standing=stands,
        ending=Ending(row.ending) if row.ending else None,
    )

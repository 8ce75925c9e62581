"""A person's intentions: begin, choose, send, answer, set a new password or keep the old one.

Each asks the facts whether it may, does one thing in one transaction, and says what came of it as a value.
The unknown account passes through the same lines: the same statements, rows and limits, with nobody at the end.
"""

from dataclasses import asdict, dataclass, replace
from datetime import datetime
from secrets import token_urlsafe
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language

from idp.plugins import accounts, audit, delivery, keys, limits, otp, passwords, pauses
from recovery import codes, journeys, proof
from recovery.domain import events
from recovery.domain.journey import FORGOT, Ending, Journey, Step, current_step
from recovery.domain.outcomes import Accepted, Gone, Sent, Throttled, Wrong
from recovery.domain.policy import RecoveryPolicy
from recovery.journeys import Held
from recovery.methods.base import MessageMethod
from recovery.models import Challenge
from recovery.models import Journey as Row


@dataclass(frozen=True, kw_only=True)
class Context:
    """What surrounds a request: the time, the tenant's numbers, and from where it comes. Made once, at the edge."""

    now: datetime
    policy: RecoveryPolicy
    origin: audit.Origin


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A journey began; its browser's key."""

    browser_key: str


def begin(
    identifier: str,
    *,
    interaction_id: str,
    replaces: Held | None,
    context: Context,
) -> Begun | Throttled:
    """Begin a journey for whoever `identifier` means, be it nobody. One running in this browser gives way."""
    counted = limits.count(
        "recovery-starts",
        context.policy.starts_per_network,
        context.origin.network,
        now=context.now,
    )
    if not counted.allowed:
        return Throttled(until=counted.resets_at)
    account = accounts.find(identifier)
    with transaction.atomic():
        if replaces is not None and not replaces.facts.ending:
            journeys.write(replaces.row, ending=Ending.SUPERSEDED)
        row, key = journeys.begin(
            identifier_digest=keys.digest("recovery-identifier", accounts.canonical(identifier)),
            interaction_id=interaction_id,
            subject=account.id if account else None,
            password_version=account.password_version if account else 0,
            now=context.now,
            expires_at=context.now + context.policy.journey_lifetime,
        )
        audit.record(events.RecoveryStarted(user=row.subject, journey=row.id), origin=context.origin)
    return Begun(browser_key=key)


def choose_problem(held: Held, problem: str) -> None:
    journeys.write(held.row, problem=problem, method="", challenged=False)


def choose_method(held: Held, method: MessageMethod) -> None:
    journeys.write(held.row, method=method.id, challenged=False)


def send_challenge(held: Held, method: MessageMethod, typed: str, *, context: Context) -> Sent | Throttled:
    """Send a code to the typed address if it is the account's; say the same if it is not."""
    typed = method.meant(typed)
    if until := _messages_held_back(held, method, codes.typed_digest(method.channel, typed), context):
        return until
    with transaction.atomic():
        challenge = codes.ask(held.row, method.id, channel=method.channel, typed=typed, now=context.now)
        journeys.write(held.row, challenged=True)
        _post(held.row, challenge, method, context)
    return Sent()


def send_again(held: Held, method: MessageMethod, *, context: Context) -> Sent | Throttled | Gone:
    """One more code to the same address; those already sent stay good until their own end."""
    challenge = journeys.challenge(held.row, method.id)
    if challenge is None or challenge.spent_at:
        return Gone()
    paced = limits.count("recovery-resend", context.policy.resend, challenge.id.bytes, now=context.now)
    if not paced.allowed:
        return Throttled(until=paced.resets_at)
    if until := _messages_held_back(held, method, challenge.typed_digest, context):
        return until
    with transaction.atomic():
        again = codes.ask_again(held.row, method.id)
        if again is None:
            return Gone()
        _post(held.row, again, method, context)
    return Sent()


def submit_answer(
    held: Held,
    method: MessageMethod,
    answer: str,
    *,
    context: Context,
) -> Accepted | Wrong | Gone | Throttled:
    """Judge a typed code. Something that cannot be a code costs no try."""
    numbers = context.policy.otp
    typed = otp.normalised(answer, digits=numbers.digits)
    if typed is None:
        challenge = journeys.challenge(held.row, method.id)
        used = challenge.tries_used if challenge else numbers.tries
        return Wrong(tries_left=max(0, numbers.tries - used), counted=False)
    subject = _subject(held.row)
    wrong = limits.count("recovery-wrong", context.policy.wrong_codes_per_day, subject, now=context.now)
    if not wrong.allowed:
        return Throttled(until=wrong.resets_at)
    tried = codes.try_answer(held.row, method.id, typed, numbers, now=context.now)
    if tried is None:
        journeys.run_out(held.row)
        return Gone()
    if not tried.right:
        _note_failure(held, method, tried, context)
        return Wrong(tries_left=tried.tries_left) if tried.tries_left else Gone()
    return _accept(held, tried.challenge, context)


def set_new_password(
    held: Held,
    raw: str,
    *,
    context: Context,
) -> passwords.PasswordChanged | passwords.PasswordUnfit | passwords.ProofStale:
    """Spend what was proven on a new password; close the journey and every other of the account."""
    minted = proof.mint(held.facts, context.policy, now=context.now)
    methods = tuple(sorted(held.facts.proven))

    def finish(changed: passwords.PasswordChanged) -> None:
        journeys.consume(held.proofs, now=context.now)
        journeys.write(
            held.row,
            ending=Ending.DONE,
            result={
                "sessions_ended": changed.sessions_ended,
                "applications_told": changed.applications_told,
                "told_by": list(changed.addresses_told.channels),
            },
        )
        journeys.end_others(minted.user, than=held.row.id)
        audit.record(
            events.RecoveryCompleted(user=minted.user, journey=held.row.id, methods=methods),
            origin=context.origin,
        )

    outcome = passwords.change_password(
        minted,
        raw,
        proved_by=", ".join(methods),
        policy=passwords.policy(),
        origin=context.origin,
        now=context.now,
        then=finish,
    )
    if isinstance(outcome, passwords.ProofStale):
        _end(held, Ending.STALE)
    elif isinstance(outcome, passwords.PasswordChanged):
        limits.clear("recovery-wrong", _subject(held.row))
    return outcome


def open_account(held: Held, *, context: Context) -> None:
    """Open sign-in again, where it was not done with the last proof: the policy came to ask for fewer meanwhile."""
    with transaction.atomic():
        _open(held.row, held.facts, context)


def set_password_too(held: Held) -> None:
    """Go on to a new password with what was proven."""
    journeys.write(held.row, problem=FORGOT)


def finish(held: Held, *, context: Context) -> None:
    """Keep the password; what was proven is good for nothing more."""
    with transaction.atomic():
        journeys.consume(held.proofs, now=context.now)
        journeys.write(held.row, ending=Ending.DONE)


# --- Below an intention -----------------------------------------------------------------------------------


def _messages_held_back(
    held: Held,
    method: MessageMethod,
    typed_digest: str,
    context: Context,
) -> Throttled | None:
    """Count one more message to this address of this account; None if it may go."""
    holds = limits.message(
        channel=method.channel,
        subject=_subject(held.row),
        typed=typed_digest,
        origin=context.origin,
        now=context.now,
    )
    if holds is None:
        return None
    with transaction.atomic():
        throttled = events.RecoveryThrottled(user=held.row.subject, journey=held.row.id, limit=holds.cap)
        audit.record(throttled, origin=context.origin)
    return Throttled(until=holds.until)


def _post(row: Row, challenge: Challenge, method: MessageMethod, context: Context) -> None:
    delivery.post(
        delivery.Draft(
            kind=method.kind,
            queue="otp",
            channel=method.channel,
            user=row.subject,
            address=challenge.address,
            reference=challenge.id,
            number=challenge.generation,
            facts={
                "asked_at": context.now.isoformat(),
                "language": get_language(),
                **asdict(context.origin),
            },
            not_after=context.now + context.policy.otp.wait_of(method.channel),
        ),
        now=context.now,
    )
    audit.record(
        events.ChallengeIssued(
            user=row.subject,
            journey=row.id,
            method=method.id,
            generation=challenge.generation,
        ),
        origin=context.origin,
    )


def _note_failure(held: Held, method: MessageMethod, tried: codes.Tried, context: Context) -> None:
    with transaction.atomic():
        audit.record(
            events.ChallengeFailed(
                user=held.row.subject,
                journey=held.row.id,
                method=method.id,
                tries_left=tried.tries_left,
            ),
            origin=context.origin,
        )
    if not tried.tries_left:
        journeys.run_out(held.row)


def _accept(held: Held, challenge: Challenge, context: Context) -> Accepted | Gone:
    """A right answer: the challenge becomes a proof, and the browser's key a new one.

    Whoever planted the old key in this browser, or copied it, holds nothing from here on. If that is enough for
    somebody who knows their password, sign-in is open again in the same transaction.
    """
    key = token_urlsafe(32)
    with transaction.atomic():
        earned = codes.spend(challenge, held.row, browser_key=key, now=context.now)
        if earned is None:
            return Gone()
        journeys.write(
            held.row,
            though=(Ending.TRIES,),
            browser_hash=keys.fingerprint(key),
            challenged=False,
            ending="",
        )
        accounts.address_works(earned.address)
        audit.record(
            events.ChallengePassed(
                user=earned.user,
                journey=held.row.id,
                method=challenge.method,
                proof=earned.id,
            ),
            origin=context.origin,
        )
        facts = replace(held.facts, ending=None, proven=held.facts.proven | {challenge.method})
        if current_step(facts, context.policy, now=context.now) is Step.UNLOCK:
            _open(held.row, facts, context)
    return Accepted(browser_key=key)


def _open(row: Row, facts: Journey, context: Context) -> None:
    """Open sign-in again for an account that enough was proven of, and note what had happened."""
    if facts.subject is None or current_step(facts, context.policy, now=context.now) is not Step.UNLOCK:
        raise proof.Unearned(row.pk)
    opened = pauses.open_again(facts.subject, source=row.id, origin=context.origin, now=context.now)
    if opened is None:
        journeys.write(row, ending=Ending.STALE)
        return
    tries = opened.tries
    journeys.write(
        row,
        result={
            "opened": {
                "by_strangers": tries.by_strangers,
                "by_known_browsers": tries.by_known_browsers,
                "last_at": tries.last_at.isoformat() if tries.last_at else None,
            },
            "told_by": list(opened.addresses_told.channels),
        },
    )
    limits.clear("recovery-wrong", facts.subject.bytes)
    audit.record(
        events.AccountUnlocked(user=facts.subject, journey=row.id, methods=tuple(sorted(facts.proven))),
        origin=context.origin,
    )


def _end(held: Held, ending: Ending) -> None:
    try:
        journeys.write(held.row, ending=ending)
    except journeys.Moved:
        # Another request ended it, or took it further; this one has nothing to add.
        return


def _subject(row: Row) -> bytes | str:
    """Whose limits these are: the account's, or those of what was typed if it is nobody's."""
    subject: UUID | None = row.subject
    return subject.bytes if subject else row.identifier_digest

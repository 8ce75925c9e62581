"""A person's intentions until enough is proven: begin, choose, send, answer. What follows then is in `effects`.

Each asks the facts whether it may, does one thing in one transaction, and says what came of it as a value.
The unknown account passes through the same lines: the same statements, rows and limits, with nobody at the end.
"""

from dataclasses import asdict, dataclass, field
from secrets import token_urlsafe
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language

from idp.plugins import accounts, audit, delivery, keys, limits
from recovery import budgets, challenges, codes, effects, journeys, standing
from recovery.context import Context
from recovery.domain import events, ways
from recovery.domain.journey import Ending, Step, current_step, is_enough
from recovery.domain.outcomes import Accepted, Gone, Sent, Throttled, Wrong
from recovery.domain.policy import ACTIVATION, INTRUDER
from recovery.journeys import Held
from recovery.methods.base import Answer, HeldMethod, MessageMethod, Method, asks_for_held
from recovery.models import Challenge
from recovery.models import Journey as Row


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A journey began; its browser's key."""

    browser_key: str = field(repr=False)


def begin(
    identifier: str,
    *,
    interaction_id: str,
    replaces: Held | None,
    context: Context,
    device_key: str = "",
) -> Begun | Throttled:
    """Begin a journey for whoever `identifier` means, be it nobody. One running in this browser gives way.

    `device_key` is what the browser is known by to accounts that it signed in to.
    """
    counted = limits.count(
        "recovery-starts",
        context.policy.starts_per_network,
        context.origin.network,
        now=context.now,
    )
    if not counted.allowed:
        return Throttled(until=counted.resets_at)
    account = accounts.find(identifier)
    subject, version = (account.id, account.password_version) if account else (None, 0)
    # Before the first code is sent, and the same statements for nobody's account.
    stands = standing.of(subject, has_password=bool(version), now=context.now)
    known_browser = accounts.knows_browser(subject, device_key, now=context.now)
    with transaction.atomic():
        if replaces is not None and not replaces.facts.ending:
            journeys.write(replaces.row, ending=Ending.SUPERSEDED)
        row, key = journeys.begin(
            counted_as=keys.digest("recovery-counted", subject.bytes if subject else accounts.canonical(identifier)),
            interaction_id=interaction_id,
            subject=subject,
            password_version=version,
            plan=ways.plan_for(stands, context.policy),
            known_browser=known_browser,
            now=context.now,
            expires_at=context.now + context.policy.journey_lifetime,
        )
        audit.record(events.RecoveryStarted(user=row.subject, journey=row.id), origin=context.origin)
    return Begun(browser_key=key)


def take_up(invited: accounts.Invited, *, replaces: Held | None, context: Context) -> Begun:
    """Begin with the link of an invitation, which is the proof: its letter went to that mailbox and nowhere else."""
    with transaction.atomic():
        if replaces is not None and not replaces.facts.ending:
            journeys.write(replaces.row, ending=Ending.SUPERSEDED)
        row, key = journeys.begin(
            counted_as=keys.digest("recovery-counted", invited.user.bytes),
            interaction_id="",
            subject=invited.user,
            password_version=0,
            plan=ways.Plan(),
            known_browser=False,
            now=context.now,
            expires_at=context.now + context.policy.journey_lifetime,
        )
        journeys.write(row, problem=ACTIVATION, method=ways.INVITATION, enough_at=context.now)
        challenges.prove(
            row,
            ways.INVITATION,
            thing=invited.invitation,
            thing_version=invited.generation,
            browser_key=key,
            now=context.now,
        )
        audit.record(events.ActivationBegun(user=invited.user, journey=row.id), origin=context.origin)
    return Begun(browser_key=key)


def choose_problem(held: Held, problem: str) -> None:
    journeys.write(held.row, problem=problem, method="", challenged=False)


def choose_method(held: Held, method: Method, *, context: Context) -> None:
    with transaction.atomic():
        journeys.write(held.row, method=method.id, challenged=False)
        if asks_for_held(method):
            challenges.open_for(held.row, method.id, now=context.now)


def send_challenge(held: Held, method: MessageMethod, typed: str, *, context: Context) -> Sent | Throttled:
    """Send a code to the typed address if it is the account's; say the same if it is not."""
    typed = method.meant(typed)
    if until := _messages_held_back(held, method, codes.typed_digest(method.channel, typed), context):
        return until
    with transaction.atomic():
        long = budgets.codes_are_long(held, method.id, context.policy, now=context.now)
        challenge = codes.ask(held.row, method.id, channel=method.channel, typed=typed, long=long, now=context.now)
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
        long = budgets.codes_are_long(held, method.id, context.policy, now=context.now)
        again = codes.ask_again(held.row, method.id, long=long)
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
    """Judge a typed code. Something that cannot be a code costs no try; a long one is no guess.

    Throttled: no more short codes are judged today, not even the right one. A long one can be had.
    """
    numbers = context.policy.otp
    challenge = journeys.challenge(held.row, method.id)
    typed = codes.read(challenge, answer, digits=numbers.digits) if challenge else None
    if typed is None:
        used = challenge.tries_used if challenge else numbers.tries
        return Wrong(tries_left=max(0, numbers.tries - used), counted=False)
    if codes.can_be_guessed(typed):
        guessed = budgets.count(held, method.id, context.policy, now=context.now)
        if not guessed.allowed:
            return Throttled(until=guessed.resets_at)
    tried = codes.try_answer(held.row, method.id, typed, numbers, now=context.now)
    if tried is None:
        journeys.run_out(held.row)
        return Gone()
    read = tried.challenge.address
    if not tried.right or read is None:
        return _note_failure(held, method, tried.tries_left, context)
    return _accept(held, tried.challenge, read, tried.challenge.address_version, context)


def show_held(
    held: Held,
    method: HeldMethod,
    text: str,
    *,
    browser_hash: str,
    context: Context,
) -> Accepted | Wrong | Gone | Throttled:
    """Judge what somebody holds: a code of their app, a saved one, a passkey. Raises hashing.Busy, and counts nothing.

    Tries are counted here, not against sign-in's own limits: those are not a stranger's to use up.
    """
    tries, challenge = context.policy.otp.tries, journeys.challenge(held.row, method.id)
    if method.fault(text):
        used = challenge.tries_used if challenge else tries
        return Wrong(tries_left=max(0, tries - used), counted=False)
    with method.place():
        if method.guessable:
            guessed = budgets.count(held, method.id, context.policy, now=context.now)
            if not guessed.allowed:
                return Throttled(until=guessed.resets_at)
        challenge = challenges.count_try(held.row, method.id, tries=tries)
        if challenge is None:
            journeys.run_out(held.row)
            return Gone()
        answer = Answer(text=text, browser_hash=browser_hash, origin=context.origin)
        shown = method.judge(held.row.subject, answer, now=context.now)
    if shown is None:
        return _note_failure(held, method, max(0, tries - challenge.tries_used), context)
    return _accept(held, challenge, shown.id, shown.version, context)


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
        subject=held.row.counted_as,
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


def _note_failure(held: Held, method: Method, tries_left: int, context: Context) -> Wrong | Gone:
    with transaction.atomic():
        audit.record(
            events.ChallengeFailed(
                user=held.row.subject,
                journey=held.row.id,
                method=method.id,
                tries_left=tries_left,
            ),
            origin=context.origin,
        )
    if tries_left:
        return Wrong(tries_left=tries_left)
    journeys.run_out(held.row)
    return Gone()


def _accept(held: Held, challenge: Challenge, thing: UUID, thing_version: int, context: Context) -> Accepted | Gone:
    """A right answer: the challenge becomes a proof, and the browser's key a new one.

    Whoever planted the old key in this browser, or copied it, holds nothing from here on. What follows at once follows
    in the same transaction: for somebody who knows their password sign-in is open again, if that is enough; and where
    somebody else is in, everything stops.
    """
    key = token_urlsafe(32)
    with transaction.atomic():
        earned = challenges.spend(
            challenge, held.row, thing=thing, thing_version=thing_version, browser_key=key, now=context.now
        )
        if earned is None:
            return Gone()
        challenges.carry_over(held.proofs, browser_key=key)
        facts = journeys.with_proof(held, challenge.method, now=context.now)
        journeys.write(
            held.row,
            though=(Ending.TRIES,),
            browser_hash=keys.fingerprint(key),
            challenged=False,
            ending="",
            enough_at=context.now if is_enough(facts, context.policy) else None,
        )
        accounts.address_works(thing)
        audit.record(
            events.ChallengePassed(
                user=earned.user,
                journey=held.row.id,
                method=challenge.method,
                proof=earned.id,
            ),
            origin=context.origin,
        )
        if held.facts.problem == INTRUDER:
            effects.stop_everything(held.row, context)
        step = current_step(facts, context.policy, now=context.now)
        if step is Step.UNLOCK:
            effects.open_sign_in(held.row, facts, context)
        elif step in (Step.METHOD, Step.STRANDED) and not held.proofs:
            accounts.recovery_begun(
                earned.user,
                proved_by=challenge.method,
                reference=earned.id,
                origin=context.origin,
                now=context.now,
            )
    return Accepted(browser_key=key)

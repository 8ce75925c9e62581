"""What enough proofs do: a new password, sign-in opened again, another second factor; and what one proof may stop.

Each in one transaction with all that belongs to it, and asked of the facts once more where the right to it is made.
"""

from uuid import UUID

from django.db import transaction

from idp.plugins import accounts, audit, factors, passwords, pauses
from recovery import budgets, journeys, proof
from recovery.context import Context
from recovery.domain import events
from recovery.domain.journey import Ending, Journey, Step, current_step
from recovery.domain.policy import FORGOT
from recovery.journeys import Held
from recovery.models import Journey as Row


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
            finished_at=context.now,
            result=_counted(
                held.row,
                sessions_ended=changed.sessions_ended,
                applications_told=changed.applications_told,
                told_by=list(changed.addresses_told.channels),
            ),
        )
        _finished(held, minted.user, context)
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
        budgets.clear(held.row)
    return outcome


def set_first_password(
    held: Held, raw: str, *, context: Context
) -> passwords.Activated | passwords.PasswordUnfit | passwords.ProofStale:
    """Spend the proof on the first password: the account is its owner's from here on."""
    minted = proof.mint_first(held.facts, context.policy, now=context.now)

    def finish(activated: passwords.Activated) -> None:
        journeys.consume(held.proofs, now=context.now)
        journeys.write(
            held.row,
            ending=Ending.DONE,
            finished_at=context.now,
            result={"activated": True, "administrator": activated.administrator},
        )
        journeys.end_others(minted.user, than=held.row.id)

    outcome = passwords.activate_account(
        minted, raw, policy=passwords.policy(), origin=context.origin, now=context.now, then=finish
    )
    if isinstance(outcome, passwords.ProofStale):
        _end(held, Ending.STALE)
    return outcome


def open_account(held: Held, *, context: Context) -> None:
    """Open sign-in again, where it was not done with the last proof: the policy came to ask for fewer meanwhile."""
    with transaction.atomic():
        open_sign_in(held.row, held.facts, context)


def set_password_too(held: Held) -> None:
    """Go on to a new password with what was proven."""
    journeys.write(held.row, problem=FORGOT)


def finish(held: Held, *, context: Context) -> None:
    """Keep the password; what was proven is good for nothing more."""
    with transaction.atomic():
        journeys.consume(held.proofs, now=context.now)
        journeys.write(held.row, ending=Ending.DONE)


def create_passkey(
    held: Held, new: factors.NewFactor, *, context: Context
) -> factors.Replaced | factors.TooMany | factors.Stale:
    """Spend what was proven on a passkey, which signs in by itself, instead of on a new password; the old one stays."""
    minted = proof.mint_passkey(held.facts, context.policy, row=new.row, now=context.now)
    return _add_factor(held, minted, new, [], context=context, instead=True)


def replace_factor(
    held: Held,
    new: factors.NewFactor,
    lost: frozenset[UUID],
    *,
    context: Context,
) -> factors.Replaced | factors.TooMany | factors.Stale:
    """Spend what was proven on another second factor, which its owner has just shown to work; then the lost ones go."""
    minted = proof.mint_factor(held.facts, new.kind, context.policy, row=new.row, now=context.now)
    removals = [
        proof.mint_removal(held.facts, each, context.policy, now=context.now)
        for each in factors.owned(minted.user)
        if each.id in lost
    ]
    return _add_factor(held, minted, new, removals, context=context)


def _add_factor(
    held: Held,
    minted: proof.Proof,
    new: factors.NewFactor,
    removals: list[proof.Proof],
    *,
    context: Context,
    instead: bool = False,
) -> factors.Replaced | factors.TooMany | factors.Stale:
    def finish(replaced: factors.Replaced) -> None:
        journeys.consume(held.proofs, now=context.now)
        result = _counted(
            held.row,
            sessions_ended=replaced.sessions_ended,
            applications_told=replaced.applications_told,
            told_by=list(replaced.addresses_told.channels),
        )
        result |= {"added": new.kind, "removed": replaced.removed, "instead": instead}
        journeys.write(held.row, ending=Ending.DONE, finished_at=context.now, result=result)
        _finished(held, minted.user, context)
        audit.record(
            events.FactorReplaced(
                user=minted.user, journey=held.row.id, kind=new.kind, methods=tuple(sorted(held.facts.proven))
            ),
            origin=context.origin,
        )

    outcome = factors.replace(minted, new, removals, origin=context.origin, now=context.now, then=finish)
    if isinstance(outcome, factors.Replaced):
        budgets.clear(held.row)
    return outcome


def stop_everything(row: Row, context: Context) -> None:
    """One proof is enough to take access away (NIST SP 800-63B 4.3); giving it back takes what a new password takes."""
    if row.subject is None or row.result.get("stopped"):
        return
    stopped = accounts.stop(row.subject, source=row.id, origin=context.origin, now=context.now)
    if stopped is None:
        journeys.write(row, ending=Ending.STALE)
        return
    found = {"sessions_ended": stopped.sessions_ended, "applications_told": stopped.applications_told}
    journeys.write(row, result=row.result | {"stopped": found})


def open_sign_in(row: Row, facts: Journey, context: Context) -> None:
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
        finished_at=context.now,
        result={
            "opened": {
                "by_strangers": tries.by_strangers,
                "by_known_browsers": tries.by_known_browsers,
                "last_at": tries.last_at.isoformat() if tries.last_at else None,
            },
            "told_by": list(opened.addresses_told.channels),
        },
    )
    budgets.clear(row)
    audit.record(
        events.AccountUnlocked(user=facts.subject, journey=row.id, methods=tuple(sorted(facts.proven))),
        origin=context.origin,
    )


# --- Below an end -------------------------------------------------------------------------------------------


def _finished(held: Held, user: UUID, context: Context) -> None:
    """One success closes all doors that were ajar; and no administrator gets back in without the others' knowing."""
    journeys.end_others(user, than=held.row.id)
    if held.facts.standing is not None and held.facts.standing.administrator:
        accounts.administrator_recovered(
            user,
            proved_by=", ".join(sorted(held.facts.proven)),
            reference=held.row.id,
            origin=context.origin,
            now=context.now,
        )


def _counted(row: Row, *, sessions_ended: int, applications_told: int, told_by: list[str]) -> dict[str, object]:
    """What the last page tells; what was stopped at the start counts as well."""
    stopped = row.result.get("stopped", {})
    return {
        "sessions_ended": sessions_ended + stopped.get("sessions_ended", 0),
        "applications_told": applications_told + stopped.get("applications_told", 0),
        "told_by": told_by,
    }


def _end(held: Held, ending: Ending) -> None:
    try:
        journeys.write(held.row, ending=ending)
    except journeys.Moved:
        # Another request ended it, or took it further; this one has nothing to add.
        return

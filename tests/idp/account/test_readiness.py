"""Whether somebody would get back in after a loss: the table of facts and verdicts."""

import pytest

from idp.account.readiness import Facts, Outcome, Verdict, judge, without
from idp.plugins.hooks import Thing, WayBack

MAIL = WayBack(kind="email", label="email", lost_with=Thing.MAILBOX)
MAIL_TOO = WayBack(kind="email", label="email", lost_with=Thing.MAILBOX)
TEXT = WayBack(kind="sms", label="text message", lost_with=Thing.PHONE)
PAPER = WayBack(kind="recovery_code", label="recovery codes")

YES, NO_WAY, NO_FACTOR = Outcome.YES, Outcome.NO_WAY, Outcome.NO_FACTOR

#: ways, needed, factors → without the phone, without the mailbox, without both, verdict
TABLE = [
    ((), 1, (), NO_WAY, NO_WAY, NO_WAY, Verdict.NEVER),
    ((MAIL,), 1, (), YES, NO_WAY, NO_WAY, Verdict.MAILBOX_STRANDS),
    ((MAIL, MAIL_TOO), 1, (), YES, NO_WAY, NO_WAY, Verdict.MAILBOX_STRANDS),
    ((TEXT,), 1, (), NO_WAY, YES, NO_WAY, Verdict.PHONE_STRANDS),
    ((MAIL, TEXT), 1, (), YES, YES, NO_WAY, Verdict.READY),
    ((MAIL, PAPER), 1, (), YES, YES, YES, Verdict.READY),
    ((PAPER,), 1, (), YES, YES, YES, Verdict.READY),
    # Two different kinds are asked for.
    ((MAIL,), 2, (), NO_WAY, NO_WAY, NO_WAY, Verdict.NEVER),
    ((MAIL, MAIL_TOO), 2, (), NO_WAY, NO_WAY, NO_WAY, Verdict.NEVER),
    ((MAIL, TEXT), 2, (), NO_WAY, NO_WAY, NO_WAY, Verdict.EITHER_STRANDS),
    ((MAIL, PAPER), 2, (), YES, NO_WAY, NO_WAY, Verdict.MAILBOX_STRANDS),
    ((MAIL, TEXT, PAPER), 2, (), YES, YES, NO_WAY, Verdict.READY),
    # Recovery removes no second factor: one has to be left.
    ((MAIL,), 1, ("totp",), NO_FACTOR, NO_WAY, NO_WAY, Verdict.EITHER_STRANDS),
    ((MAIL, TEXT), 1, ("totp",), NO_FACTOR, YES, NO_WAY, Verdict.PHONE_STRANDS),
    ((MAIL, TEXT), 1, ("totp", "totp"), NO_FACTOR, YES, NO_WAY, Verdict.PHONE_STRANDS),
    ((MAIL, TEXT), 1, ("totp", "recovery_codes"), YES, YES, NO_WAY, Verdict.READY),
    ((MAIL, PAPER), 1, ("totp",), NO_FACTOR, YES, NO_FACTOR, Verdict.PHONE_STRANDS),
    ((MAIL, PAPER), 1, ("recovery_codes",), YES, YES, YES, Verdict.READY),
    # Which passkey is on the phone nobody can say: it takes one along.
    ((MAIL, PAPER), 1, ("passkey",), NO_FACTOR, YES, NO_FACTOR, Verdict.PHONE_STRANDS),
    ((MAIL, PAPER), 1, ("passkey", "passkey"), YES, YES, YES, Verdict.READY),
    ((MAIL, PAPER), 1, ("totp", "passkey"), NO_FACTOR, YES, NO_FACTOR, Verdict.PHONE_STRANDS),
    ((MAIL, PAPER), 1, ("totp", "passkey", "passkey"), YES, YES, YES, Verdict.READY),
]


@pytest.mark.parametrize(("ways", "needed", "factors", "phone", "mailbox", "both", "verdict"), TABLE)
def test_what_a_loss_leaves(ways, needed, factors, phone, mailbox, both, verdict):
    ready = judge(Facts(ways=ways, needed=needed, factors=factors))
    assert (ready.phone.outcome, ready.mailbox.outcome, ready.both.outcome) == (phone, mailbox, both)
    assert ready.verdict == verdict
    assert ready.ways == len(ways)


def test_what_is_left_is_named_once():
    left = without(Facts(ways=(MAIL, MAIL_TOO, TEXT), factors=("passkey", "passkey", "passkey", "totp")), Thing.PHONE)
    assert left.ways == (MAIL, MAIL_TOO)
    assert left.factors == ("passkey",)


def test_losing_more_never_helps():
    for ways, needed, factors, *_outcomes in TABLE:
        ready = judge(Facts(ways=ways, needed=needed, factors=factors))
        assert not ready.both.enough or (ready.phone.enough and ready.mailbox.enough)

"""People who have second factors, as enrolling makes them; and what their apps would show."""

from datetime import timedelta
from secrets import token_bytes

from django.utils import timezone
from django_otp.oath import hotp

from idp.accounts import credentials, sessions
from idp.audit.events import Origin
from idp.conf import policy
from idp.factors import enrolment, totp
from idp.factors.passkey import adding
from idp.models import Credential
from tests.authenticator import Authenticator

NOW_HERE = Origin(device="Firefox, Linux", network="192.0.2.0/24", request_id="test")


def fresh_sign_in(user, *, amr=("pwd", "otp", "mfa"), now=None):
    """A sign-in whose person has just shown who they are."""
    return sessions.begin(user, amr=list(amr), origin=NOW_HERE, policy=policy(), now=now or timezone.now()).sign_in


class App:
    """An authenticator app."""

    def __init__(self, secret):
        self.secret = secret

    def code(self, *, now=None, steps=0):
        """What it shows now, or showed (will show) some steps from now."""
        at = (now or timezone.now()) + steps * timedelta(seconds=30)
        return f"{hotp(self.secret, int(at.timestamp()) // 30, digits=6):06}"

    def wrong(self, *, now=None):
        """Six digits that it shows at no time that counts."""
        near = {self.code(now=now, steps=steps) for steps in range(-3, 4)}
        return next(f"{number:06}" for number in range(1_000_000) if f"{number:06}" not in near)


def with_app(user, *, name="Phone", now=None):
    """Give `user` an authenticator app."""
    now, secret = now or timezone.now(), token_bytes(20)
    enrolment.add(
        fresh_sign_in(user, now=now),
        Credential.Kind.TOTP,
        lambda row: totp.material(secret, row=row, user=user.pk),
        name=name,
        policy=policy(),
        origin=NOW_HERE,
        now=now,
    )
    return App(secret)


def with_recovery_codes(user, *, now=None):
    """Give `user` a (new) set of recovery codes."""
    now = now or timezone.now()
    row = Credential.objects.filter(user=user, kind=Credential.Kind.RECOVERY_CODES).first()
    return enrolment.new_recovery_codes(
        fresh_sign_in(user, now=now),
        replaces=row.version if row else 0,
        policy=policy(),
        origin=NOW_HERE,
        now=now,
    )


def factor_of(user, kind):
    (found,) = [factor for factor in credentials.factors_of(user) if factor.kind == kind]
    return found


def with_passkey(user, authenticator=None, *, name="Laptop", now=None):
    """Give `user` a passkey, on a new authenticator or on this one."""
    authenticator, now = authenticator or Authenticator(), now or timezone.now()
    asked = adding.options(user, browser_hash="b", now=now)
    added = adding.add(
        fresh_sign_in(user, now=now),
        authenticator.create(asked),
        name=name,
        browser_hash="b",
        policy=policy(),
        origin=NOW_HERE,
        now=now,
    )
    assert isinstance(added, adding.Added)
    return authenticator

"""What each kind of second factor adds to a sign-in, as RFC 8176 names it."""

from collections.abc import Iterable

from idp.accounts.reauthentication import MULTI_FACTOR
from idp.models import Credential

#: A passkey is a key (`pop`) that asks for its owner's finger, face or PIN (`user`): two factors in one, and bound to
#: our origin, which makes it phishing-resistant (`phr`). A saved recovery code is a second factor without a name of its
#: own.
AMR: dict[str, tuple[str, ...]] = {
    Credential.Kind.TOTP: ("otp", MULTI_FACTOR),
    Credential.Kind.PASSKEY: ("pop", "user", MULTI_FACTOR),
    Credential.Kind.RECOVERY_CODES: (MULTI_FACTOR,),
}


def together(amr: Iterable[str], kind: str, more: Iterable[str] = ()) -> list[str]:
    """The methods of a sign-in to which a factor of `kind` was added, each once; `more` says how its key is kept."""
    return list(dict.fromkeys((*amr, *AMR[kind], *more)))


def kept(*, backup_eligible: bool) -> str:
    """How a passkey's key is kept: whether it may leave the device it was made on. It says so itself, unattested."""
    return "swk" if backup_eligible else "hwk"

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


def together(amr: Iterable[str], kind: str) -> list[str]:
    """The methods of a sign-in to which a factor of `kind` was added, each once."""
    return list(dict.fromkeys((*amr, *AMR[kind])))


def of_passkey(*, backup_eligible: bool) -> tuple[str, ...]:
    """The methods of a passkey that was shown: whether its key can leave the device it was made on, it says itself."""
    return (*AMR[Credential.Kind.PASSKEY], "swk" if backup_eligible else "hwk")

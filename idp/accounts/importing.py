"""New accounts from another system: one JSON object a line, with the claim names of OpenID Connect.

An import makes accounts and never changes one. What a line says is judged first, without the database
(parse); then lines are written in batches (load). A line that cannot be taken over whole is refused with a
reason in plain words: half an account is worse than none, because nobody finds out.

That `email_verified` is true is the operator's word. It makes the address one that codes are sent to, and
stands in the account's history as what it is. An address without it is a claim, and never receives a code.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import get_supported_language_variant

from idp.accounts import credentials, sealing, standard_claims, tombstones
from idp.accounts.adoption import UnusableHash, UnusableSecret, adopt, adopt_totp_secret
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.accounts.standard_claims import Unfit
from idp.audit.events import AccountImported
from idp.audit.record import record
from idp.models import Credential, RecoveryAddress, User
from idp.models.user import canonical

LONGEST_LINE: Final = 64 * 1024
#: Lines in one transaction: enough to share out what a statement costs, few enough not to hold up sign-ins.
BATCH: Final = 250

_TEXTS: Final = frozenset({"preferred_username", "email", "name", "locale", "password_hash", "totp_secret"})
_TRUTHS: Final = frozenset({"email_verified"})
#: A claim that an export may well have; here it is made anew, at random.
_LEFT_OUT: Final = frozenset({"sub"})
_LONGEST: Final = {"preferred_username": 150, "email": 254, "name": 200}


@dataclass(frozen=True, kw_only=True)
class NewAccount:
    """A line that can be taken over, as it will be stored."""

    preferred_username: str
    email: str = ""
    email_verified: bool = False
    name: str = ""
    locale: str = ""
    #: In the form that accounts.hashers verifies.
    password_hash: str | None = field(default=None, repr=False)
    #: The key of an authenticator app.
    totp_secret: bytes | None = field(default=None, repr=False)
    #: Further standard claims, as applications will read them.
    claims: dict[str, Any] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    updated_at: datetime | None = None
    #: Claims on the line that are not stored, or not as they were.
    left_out: frozenset[str] = frozenset()

    @property
    def keys(self) -> tuple[str, str | None]:
        """What the account is found by; no two accounts share one."""
        return canonical(self.preferred_username), canonical(self.email) or None


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """The account is there now."""

    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class AlreadyHere:
    """An account with this user name and this address was there before the import, and was left as it is."""


@dataclass(frozen=True)
class Refused:
    """Nothing was made of the line. The reason is a sentence that quotes nothing secret."""

    reason: str


Outcome = Loaded | AlreadyHere | Refused


#: An authenticator app's key as it is to be written: `idp.factors.enrolment.imported_totp`.
Totp = Callable[[Proof, bytes], credentials.First]


def load(
    lines: Iterable[tuple[int, bytes]],
    *,
    totp: Totp,
    now: datetime,
) -> Iterator[tuple[int, Outcome]]:
    """Make the accounts of numbered `lines`, and tell of each line what came of it, once that is committed.

    Reads as it goes: a batch is in memory, never the file. Stopped half-way it can simply be run again.
    """
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        parsed = [(number, parse(line)) for number, line in batch]
        yield from _write(parsed, totp=totp, now=now)


# --- What a line says -------------------------------------------------------------------------------------


def parse(line: bytes) -> NewAccount | Refused:
    """Judge one line, without looking at the accounts there are."""
    try:
        claims = _claims(line)
        return _account(claims)
    except Unfit as unfit:
        return Refused(str(unfit))
    except (UnusableHash, UnusableSecret) as unusable:
        return Refused(str(unusable))


def _claims(line: bytes) -> dict[str, Any]:
    """Return the object on the line, with known names and right types, and without what is null."""
    if len(line) > LONGEST_LINE:
        raise Unfit(f"The line has more than {LONGEST_LINE} bytes.")
    try:
        claims = json.loads(line.decode(), object_pairs_hook=_without_repetition)
    except UnicodeDecodeError:
        raise Unfit("The line is not UTF-8 text.") from None
    except (ValueError, RecursionError):
        raise Unfit("The line is not JSON.") from None
    if not isinstance(claims, dict):
        raise Unfit("The line is JSON, but not an object with names and values.")
    given = {name: value for name, value in claims.items() if value is not None}
    if "password" in given:
        raise Unfit("The line has a password in clear. Only password_hash is taken over.")
    for name, value in given.items():
        if name not in _TEXTS | _TRUTHS | _LEFT_OUT | standard_claims.NAMES:
            raise Unfit(f"Nothing is called {name[:40]!a} here; is it misspelt?")
        if name in _TEXTS and not isinstance(value, str):
            raise Unfit(f"{name} must be a text.")
        if name in _TRUTHS and not isinstance(value, bool):
            raise Unfit(f"{name} must be true or false, without quotation marks.")
    return given


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise Unfit("The line says the same name twice.")
    return names


def _account(claims: dict[str, Any]) -> NewAccount:
    texts = {name: _text(name, claims.get(name, "")) for name in _LONGEST}
    email = _email(texts["email"])
    email_verified = claims.get("email_verified", False)
    if email_verified and not email:
        raise Unfit("email_verified is true, but there is no email.")
    locale, known = _locale(claims.get("locale", ""))
    encoded = claims.get("password_hash")
    if not encoded and not email_verified:
        raise Unfit("There is neither a password_hash nor a verified email: nobody could ever sign in.")
    return NewAccount(
        preferred_username=_username(texts["preferred_username"] or email),
        email=email,
        email_verified=email_verified,
        name=texts["name"],
        locale=locale,
        password_hash=adopt(encoded) if encoded else None,
        # Without it the person would lose their second factor without a word: one that is unusable refuses the account.
        totp_secret=adopt_totp_secret(claims["totp_secret"]) if claims.get("totp_secret") else None,
        claims=standard_claims.read(claims),
        groups=standard_claims.groups(claims.get("groups", [])),
        updated_at=standard_claims.moment(claims["updated_at"]) if "updated_at" in claims else None,
        left_out=frozenset(claims.keys() & _LEFT_OUT) | (frozenset() if known else {"locale"}),
    )


def _text(name: str, value: str) -> str:
    text = standard_claims.text(name, value, longest=_LONGEST[name])
    if len(canonical(text)) > _LONGEST[name]:
        raise Unfit(f"{name} has more than {_LONGEST[name]} characters.")
    return text


def _username(text: str) -> str:
    if not text:
        raise Unfit("There is neither a preferred_username nor an email to sign in with.")
    if len(text) > _LONGEST["preferred_username"]:  # an address in its place
        raise Unfit("There is no preferred_username, and the email is too long to be one.")
    return text


def _email(text: str) -> str:
    if text:
        try:
            validate_email(text)
        except ValidationError:
            raise Unfit("email is not an address.") from None
    return text


def _locale(tag: str) -> tuple[str, bool]:
    """Return the language of ours that is nearest to a BCP 47 tag, and whether the tag found one."""
    if not tag:
        return "", True
    try:
        return get_supported_language_variant(tag.strip().replace("_", "-").lower()), True
    except (LookupError, ValueError):
        return "", False


# --- What becomes of it -----------------------------------------------------------------------------------


@dataclass
class _Present:
    """Who is found by what, among the accounts that a batch could touch."""

    owners: dict[str, tuple[tuple[str, str | None], datetime]] = field(default_factory=dict)
    #: Keys of deleted accounts.
    buried: frozenset[str] = frozenset()

    def add(self, keys: tuple[str, str | None], created_at: datetime) -> None:
        for key in keys:
            if key is not None:
                self.owners[key] = (keys, created_at)

    def objection_to(self, account: NewAccount, *, now: datetime) -> AlreadyHere | Refused | None:
        """Tell whether somebody has one of the account's keys: itself from an earlier import, or another."""
        for key, what in zip(account.keys, ("user name", "email"), strict=True):
            if key in self.buried:
                return Refused(f"This {what} was that of a deleted account; it is not given again.")
            if key is None or key not in self.owners:
                continue
            keys, created_at = self.owners[key]
            if created_at == now:
                return Refused(f"An earlier line has the same {what}.")
            if keys == account.keys:
                return AlreadyHere()
            return Refused(f"Another account has this {what}; it was left as it is.")
        return None


def _write(
    batch: list[tuple[int, NewAccount | Refused]],
    *,
    totp: Totp,
    now: datetime,
) -> list[tuple[int, Outcome]]:
    """Write a batch in one transaction; one by one if somebody else took a name or address of it meanwhile."""
    try:
        with transaction.atomic():
            outcomes, accounts = _judge(batch, now=now)
            _make(accounts, totp=totp, now=now)
    except (IntegrityError, credentials.ProofStale):
        if len(batch) > 1:
            return [outcome for line in batch for outcome in _write([line], totp=totp, now=now)]
        refused = Refused("Another account took this user name or email a moment ago; it was left as it is.")
        return [(number, refused) for number, _account in batch]
    return outcomes


def _judge(
    batch: list[tuple[int, NewAccount | Refused]], *, now: datetime
) -> tuple[list[tuple[int, Outcome]], list[NewAccount]]:
    """What will have come of each line, and the accounts that have to be made for that."""
    present = _present([account for _number, account in batch if isinstance(account, NewAccount)])
    outcomes: list[tuple[int, Outcome]] = []
    accounts: list[NewAccount] = []
    for number, account in batch:
        if isinstance(account, Refused):
            outcomes.append((number, account))
        elif objection := present.objection_to(account, now=now):
            outcomes.append((number, objection))
        else:
            present.add(account.keys, now)
            accounts.append(account)
            outcomes.append((number, Loaded(left_out=account.left_out)))
    return outcomes, accounts


def _present(accounts: list[NewAccount]) -> _Present:
    """Look up, in two queries, whoever could be in the way: one's user name may be another's address."""
    keys = {key for account in accounts for key in account.keys if key is not None}
    present = _Present(buried=tombstones.buried(keys))
    rows = User.objects.filter(Q(username_key__in=keys) | Q(email_key__in=keys))
    for username_key, email_key, created_at in rows.values_list("username_key", "email_key", "created_at"):
        present.add((username_key, email_key), created_at)
    return present


def _make(accounts: list[NewAccount], *, totp: Totp, now: datetime) -> None:
    """Write accounts with what proves them, all or nothing."""
    if not accounts:
        return
    subs = tombstones.unused_subs(len(accounts))
    users = [_user(account, sub, now=now) for account, sub in zip(accounts, subs, strict=True)]
    User.objects.bulk_create(users)
    record(*(_imported(user) for user in users))
    made = zip(users, accounts, strict=True)
    firsts = [first for user, account in made for first in _firsts(user, account, totp=totp, now=now)]
    credentials.write_first(firsts, now=now)


def _user(account: NewAccount, sub: str, *, now: datetime) -> User:
    user = User(
        sub=sub,
        preferred_username=account.preferred_username,
        email=account.email,
        email_verified=account.email_verified,
        name=account.name,
        locale=account.locale,
        claims=account.claims,
        groups=list(account.groups),
        created_at=now,
        updated_at=account.updated_at or now,
    )
    user.set_keys()
    return user


def _imported(user: User) -> AccountImported:
    return AccountImported(user=user.pk, email_vouched_for=user.email_verified, identity=sealing.identity(user))


def _firsts(user: User, account: NewAccount, *, totp: Totp, now: datetime) -> Iterator[credentials.First]:
    """What proves its owner: password, authenticator app, address; those that the line has."""
    if account.password_hash is not None:
        proof = _proof(user, Credential.Kind.PASSWORD, now=now)
        yield credentials.First(proof=proof, what=account.password_hash)
    if account.totp_secret is not None:
        # Its name is its owner's to read.
        with translation.override(account.locale or None):
            yield totp(_proof(user, Credential.Kind.TOTP, now=now), account.totp_secret)
    if account.email_verified:
        proof = _proof(user, RecoveryAddress.Channel.EMAIL, now=now)
        yield credentials.First(proof=proof, what=account.email)


def _proof(user: User, kind: str, *, now: datetime) -> Proof:
    """Mint the right to write a first credential: replacing one is not something an import can earn."""
    return Proof(
        user=user.pk,
        kind=kind,
        replaces=0,
        earned=Earned.IMPORT,
        source=user.pk,
        expires_at=now + PROOF_LIFETIME,
    )

"""The one writer of credentials: against a proof, once; and the one reader that believes them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.utils import timezone

from idp import writers
from idp.accounts import credentials, hashers, lookup, sealing
from idp.accounts.credentials import ProofStale
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.models import AuditEntry, Credential, RecoveryAddress, User
from tests.conftest import NEW_PASSWORD, PASSWORD, drop_guards


def proof_for(user, **changes):
    return Proof(
        **{
            "user": user.pk,
            "kind": "password",
            "replaces": 1,
            "earned": Earned.RECOVERY,
            "source": uuid4(),
            "expires_at": timezone.now() + PROOF_LIFETIME,
            **changes,
        },
    )


def verify(identifier, raw):
    found = lookup.find(identifier)
    return credentials.verify_password(found.user, found.credential, raw, now=timezone.now())


def test_a_proof_replaces_one_version_and_then_nothing(jane):
    proof = proof_for(jane)
    assert credentials.write_password(proof, NEW_PASSWORD, now=timezone.now()) == 2
    assert verify("jane", NEW_PASSWORD)
    with pytest.raises(ProofStale):
        credentials.write_password(proof, "a third harbour lantern 9", now=timezone.now())
    assert verify("jane", NEW_PASSWORD)
    assert AuditEntry.objects.filter(name="idp.credential.written", details__kind="password").count() == 2


def test_an_expired_proof_changes_nothing(jane):
    with pytest.raises(ProofStale):
        credentials.write_password(proof_for(jane), NEW_PASSWORD, now=timezone.now() + timedelta(minutes=2))
    assert verify("jane", PASSWORD)


def test_a_proof_of_another_kind_writes_no_password(jane):
    with pytest.raises(ProofStale):
        credentials.write_password(proof_for(jane, kind="email"), NEW_PASSWORD, now=timezone.now())
    assert verify("jane", PASSWORD)


def test_a_proof_of_a_password_adds_no_address(jane):
    with pytest.raises(ProofStale):
        credentials.write_address(proof_for(jane), "eve@evil.example", channel="email", now=timezone.now())
    assert RecoveryAddress.objects.count() == 1


def test_an_import_never_replaces(jane):
    with pytest.raises(ProofStale):
        credentials.write_password(
            proof_for(jane, earned=Earned.IMPORT, replaces=0),
            NEW_PASSWORD,
            now=timezone.now(),
        )
    with pytest.raises(ValueError, match="replace nothing"):
        proof_for(jane, earned=Earned.IMPORT, replaces=1)
    assert verify("jane", PASSWORD)


def imported(user, **changes):
    return credentials.First(proof=proof_for(user, **{"earned": Earned.IMPORT, "replaces": 0} | changes), what="x")


def test_of_many_proofs_one_that_does_not_hold_spoils_all(jane):
    """Somebody has a password already: an import gives them no other, nor anybody else in its batch one."""
    ben = User.objects.create(preferred_username="ben", created_at=timezone.now())
    before = AuditEntry.objects.count(), Credential.objects.count()
    spoilt = [
        imported(jane),
        imported(ben, kind="totp", expires_at=timezone.now() - timedelta(seconds=1)),
        imported(ben, earned=Earned.RECOVERY),
        imported(ben, earned=Earned.ACTIVATION),
        imported(ben, kind="something else"),
    ]
    for other in spoilt:
        with pytest.raises(ProofStale):
            credentials.write_first([imported(ben), other], now=timezone.now())
    with pytest.raises(ProofStale):
        credentials.write_first([imported(ben), imported(ben)], now=timezone.now())
    assert (AuditEntry.objects.count(), Credential.objects.count()) == before
    credentials.write_first([imported(ben)], now=timezone.now())
    assert verify("jane", PASSWORD)


def test_only_first_versions_are_inserted_by_the_many(jane):
    """Whatever a caller says, a row that claims to be a later version goes the way of one (`writers.put`)."""
    row = Credential.objects.get()
    row.pk, row.version = uuid4(), 2
    with pytest.raises(ValueError, match="first version"):
        writers.put_first([row])


@pytest.mark.parametrize("earned", [Earned.REHASH, Earned.CURRENT_CREDENTIAL])
def test_what_replaces_must_name_the_version(jane, earned):
    with pytest.raises(ValueError, match="must name the version"):
        proof_for(jane, earned=earned, replaces=0)


def test_an_outdated_hash_is_stored_anew_through_a_proof_of_its_own(jane):
    old = PBKDF2PasswordHasher().encode(PASSWORD, "a salt of its own", iterations=20_000)
    credentials.write_password_hash(proof_for(jane), old, now=timezone.now())
    assert not verify("jane", "wrong")
    assert Credential.objects.get(kind="password").material == old, "a wrong password upgrades nothing"
    assert verify("jane", PASSWORD)
    credential = Credential.objects.get(kind="password")
    assert not hashers.needs_upgrade(credential.material)
    assert credential.version == 3
    assert AuditEntry.objects.latest("sequence").details["earned"] == "rehash"
    assert verify("jane", PASSWORD)


def test_every_answer_costs_one_hash(jane, monkeypatch):
    """Known, unknown, wrong, suspended, tampered with: the same work."""
    counted = []
    for name in ("burn", "verify_password"):
        original = getattr(hashers, name)
        monkeypatch.setattr(hashers, name, lambda *a, original=original: counted.append(1) or original(*a))
    verify("jane", PASSWORD)
    verify("jane", "wrong")
    verify("nobody", "wrong")
    User.objects.update(status=User.Status.SUSPENDED)
    verify("jane", PASSWORD)
    drop_guards()
    Credential.objects.update(seal="t2.forged")
    verify("jane", PASSWORD)
    assert len(counted) == 5


def test_an_address_is_kept_encrypted_and_found_by_any_spelling(jane):
    row = RecoveryAddress.objects.get()
    assert "jane" not in row.ciphertext + row.digest
    assert row.digest == sealing.address_digest("email", " JANE@Contoso.Example ")
    opened = sealing.open_address(row)
    assert opened.value == "jane@contoso.example"


def test_the_user_model_has_no_password(jane):
    assert "password" not in {field.name for field in User._meta.get_fields()}
    for call in (lambda: jane.set_password("x"), lambda: jane.check_password("x"), jane.set_unusable_password):
        with pytest.raises(NotImplementedError):
            call()

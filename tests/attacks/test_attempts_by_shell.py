"""Every way of getting at an account from the program's own shell, which has its code, its database and its keys.

Without the keys nothing comes of it. With them a seal can be forged, which no software can keep its own operator from;
what is forged contradicts the history, and the history is sealed, chained and elsewhere as well.
"""

import json
import uuid

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.utils import timezone

from idp import guards
from idp.accounts import credentials, password_change, roles, sealing, sessions
from idp.accounts.proofs import PROOF_LIFETIME, Earned, Proof
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import Credential, RecoveryAddress, Role, User
from recovery import codes
from recovery.domain.journey import Step
from tests.attacks.aftermath import SESSION, forged, make, refused, shut, useless, vain, whose
from tests.attacks.aftermath import scene as scene  # noqa: PLC0414 -- a fixture
from tests.attacks.prompt import THEIRS
from tests.conftest import drop_guards
from tests.idp.account.conftest import signed_in
from tests.idp.factors.people import with_app
from tests.recovery.walk import challenge_of, journey_of, walk_to
from tests.story import Person, post_office

NOT_OURS = "t2.bm90IG91cnM"
NOWHERE = Origin(device="A shell", network="", request_id="test")


def rows(scene):
    return Credential.objects.filter(user=scene.jane, kind="password")


# --- Without the keys -------------------------------------------------------------------------------------


def give_the_account_a_password(scene):
    """An account has no such field; what is set on it goes nowhere."""
    scene.jane.password = scene.theirs
    scene.jane.save()


def save_the_row(scene):
    row = scene.password
    row.material = scene.theirs
    row.save()


def save_it_as_a_next_version(scene):
    row = scene.password
    row.material, row.version, row.proof, row.seal = scene.theirs, 2, uuid.uuid4(), NOT_OURS
    row.save()


def bulk_update(scene):
    row = scene.password
    row.material = scene.theirs
    Credential.objects.bulk_update([row], ["material"])


def bulk_create_over_it(scene):
    row = scene.password
    row.material = scene.theirs
    Credential.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["id"], update_fields=["material", "version"]
    )


def another(scene):
    now = timezone.now()
    return Credential(
        user=scene.jane,
        kind="password",
        material=scene.theirs,
        version=1,
        proof=uuid.uuid4(),
        seal=NOT_OURS,
        changed_at=now,
    )


def load_a_fixture(scene, folder):
    row = another(scene)
    fields = {"user": str(scene.jane.pk), "kind": "password", "material": scene.theirs, "version": 1}
    fields |= {"proof": str(row.proof), "seal": NOT_OURS, "changed_at": "2026-01-01T00:00Z"}
    path = folder / "credential.json"
    path.write_text(json.dumps([{"model": "idp.credential", "pk": str(scene.password.pk), "fields": fields}]))
    call_command("loaddata", str(path), verbosity=0)


def import_her(scene, folder):
    """As if she came from another system: with a user name that is taken."""
    path = folder / "people.jsonl"
    claims = {"preferred_username": "jane", "email": "mallory@evil.example", "email_verified": True}
    path.write_text(json.dumps(claims | {"password_hash": scene.theirs}) + "\n")
    call_command("import_users", str(path), verbosity=0)


def earn(kind, earned, scene, *, replaces=1):
    """A proof that nobody has earned: Python hides no constructor."""
    return Proof(
        user=scene.jane.pk,
        kind=kind,
        replaces=replaces,
        earned=earned,
        source=uuid.uuid4(),
        expires_at=timezone.now() + PROOF_LIFETIME,
    )


WITHOUT_KEYS = {
    "set_password": refused(lambda scene: scene.jane.set_password(THEIRS)),
    "set_unusable_password": refused(lambda scene: scene.jane.set_unusable_password()),
    "a password on the account": vain(give_the_account_a_password),
    "update the account": refused(lambda scene: User.objects.filter(pk=scene.jane.pk).update(password=scene.theirs)),
    "save the account with it": refused(lambda scene: scene.jane.save(update_fields=["password"])),
    "save the row": refused(save_the_row),
    "save it as a next version": shut(save_it_as_a_next_version),
    "update": refused(lambda scene: rows(scene).update(material=scene.theirs)),
    "update and count on": refused(lambda scene: rows(scene).update(material=scene.theirs, version=F("version") + 1)),
    "update all that is looked at": shut(
        lambda scene: rows(scene).update(material=scene.theirs, version=2, proof=uuid.uuid4(), seal=NOT_OURS)
    ),
    "bulk_update": refused(bulk_update),
    "bulk_create over it": refused(bulk_create_over_it),
    "bulk_create beside it": refused(lambda scene: Credential.objects.bulk_create([another(scene)])),
    "bulk_create, and never mind": refused(
        lambda scene: Credential.objects.bulk_create([another(scene)], ignore_conflicts=True)
    ),
    "update_or_create": refused(
        lambda scene: Credential.objects.update_or_create(
            user=scene.jane, kind="password", defaults={"material": scene.theirs}
        )
    ),
    "delete the row": refused(lambda scene: rows(scene).delete()),
    "delete the account": refused(lambda scene: scene.jane.delete()),
    "delete it past Django": refused(lambda scene: rows(scene)._raw_delete("default")),
    "spend a proof twice": refused(
        lambda scene: credentials.write_password(
            earn("password", Earned.RECOVERY, scene, replaces=0), THEIRS, now=timezone.now()
        )
    ),
    "a proof of being signed in": refused(lambda scene: earn("password", Earned.STEP_UP, scene)),
    "an import that replaces": refused(lambda scene: earn("password", Earned.IMPORT, scene)),
    "changepassword": refused(lambda _scene: call_command("changepassword", "jane")),
    "createsuperuser": refused(lambda _scene: call_command("createsuperuser", "--noinput")),
    "bootstrap_admin": refused(lambda _scene: call_command("bootstrap_admin", "jane@contoso.example")),
    "invite": refused(lambda _scene: call_command("invite", "jane@contoso.example")),
    "drop the triggers and save": shut(lambda scene: (drop_guards(), save_the_row(scene))),
}
FILES = {"loaddata": load_a_fixture, "import_users": import_her}


@pytest.mark.parametrize("name", WITHOUT_KEYS)
def test_a_shell_opens_no_account_without_the_keys(scene, name):
    make(WITHOUT_KEYS[name], scene)


@pytest.mark.parametrize("name", FILES)
def test_a_file_brings_no_password(scene, tmp_path, name):
    make(refused(lambda scene: FILES[name](scene, tmp_path)), scene)


# --- With the keys ----------------------------------------------------------------------------------------


def seal_a_next_version(scene):
    """What the one writer does, without its entry; the triggers see nothing wrong."""
    row = scene.password
    row.material, row.version, row.proof = scene.theirs, 2, uuid.uuid4()
    row.seal = sealing.credential_seal(row)
    row.save()


def seal_the_same_version(scene):
    """Under the version and the proof that the history knows; the triggers are there again afterwards."""
    row = scene.password
    row.material = scene.theirs
    row.seal = sealing.credential_seal(row)
    drop_guards()
    row.save()
    connection.check_constraints()
    guards.install()


def write_with_a_made_up_proof(scene):
    credentials.write_password(earn("password", Earned.RECOVERY, scene), THEIRS, now=timezone.now())


def change_it_as_a_recovery_does(scene):
    """Every address of hers is told."""
    changed = password_change.change_password(
        earn("password", Earned.RECOVERY, scene),
        THEIRS,
        proved_by="email",
        policy=policy(),
        origin=Origin(),
        now=timezone.now(),
    )
    assert isinstance(changed, password_change.PasswordChanged)
    assert [each.to for each in post_office()] == [["jane@contoso.example"]]


def seal_an_address(scene):
    """The attacker's mailbox becomes one of hers, and they recover by it."""
    mine = RecoveryAddress.objects.get(user=scene.mallory)
    row = RecoveryAddress(
        user=scene.jane, channel="email", digest=mine.digest, version=1, proof=uuid.uuid4(), changed_at=timezone.now()
    )
    row.ciphertext = sealing.encrypted_address(row, "mallory@evil.example")
    row.seal = sealing.address_seal(row)
    row.save(force_insert=True)
    recover_by("mallory@evil.example")


def seal_her_address(scene):
    """What it is found by stays; what is in it leads to the attacker's mailbox."""
    row = RecoveryAddress.objects.get(user=scene.jane)
    row.ciphertext = sealing.encrypted_address(row, "mallory@evil.example")
    row.seal = sealing.address_seal(row)
    drop_guards()
    row.save()
    recover_by("jane@contoso.example")


def recover_by(address):
    person = walk_to(Step.NEW_PASSWORD, address=address, person=Person(address="198.51.100.8"))
    person.submit(new_password=THEIRS)
    assert person.page.name == "recovery-done"


def derive_her_code(scene):
    """Codes are derived from keys; who has them need not read her mail."""
    person = walk_to(Step.CODE, person=Person(address="198.51.100.8"))
    challenge = challenge_of(person)
    person.submit(code=codes.code(challenge, journey_of(person).subject, challenge.generation, digits=8))
    person.submit(new_password=THEIRS)
    assert person.page.name == "recovery-done"


def seal_a_role(scene):
    """An administrator opens no account either."""
    row = Role(user=scene.mallory, name="administrator", granted_at=timezone.now())
    roles._reseal(row)
    row.save(force_insert=True)
    with_app(scene.mallory)


WITH_KEYS = {
    "seal a next version": forged(seal_a_next_version, shows="the audit has no such version"),
    "seal the same version": forged(seal_the_same_version, shows="it does not hold what the audit says"),
    "write with a proof that was made up": forged(write_with_a_made_up_proof, shows="idp.credential.written"),
    "change it as a recovery does": forged(change_it_as_a_recovery_does, shows="idp.credential.written"),
    "seal an address": forged(seal_an_address, shows="the audit has no such version"),
    "seal another address in her row": forged(seal_her_address, shows="it is not what the audit says"),
    "derive her code": forged(derive_her_code, shows="recovery.completed"),
    "seal the role of an administrator": useless(seal_a_role, shows="the audit has not granted it"),
}


@pytest.mark.parametrize("name", WITH_KEYS)
def test_what_the_keys_forge_shows(scene, name):
    make(WITH_KEYS[name], scene)


def test_a_session_made_with_the_keys_stands_among_its_owners(scene):
    """No sign-in has an entry in the audit, so this one is seen where its owner looks, and ended there."""
    begun = sessions.begin(scene.jane, amr=["pwd"], origin=NOWHERE, policy=policy(), now=timezone.now())
    thief = Person(address="198.51.100.9")
    thief.http.cookies[SESSION] = begun.key
    assert whose(thief) == scene.jane.pk
    hers = signed_in()
    assert NOWHERE.device in hers.open("/account/sessions/")
    # What they could stay with takes the password, or stands in the history.
    thief.open("/account/password/")
    thief.submit(current_password=THEIRS, new_password="another quiet harbour lantern")
    assert thief.page.name == "account-password"

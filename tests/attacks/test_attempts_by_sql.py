"""Every way of writing to the database past the program: as who owns it, and as the role that the program runs as.

Writes that the triggers stop, and those that get past them once they are gone, are in test_raw_sql.py; here are the
ways around the triggers, what stands beside the guarded rows, and what the runtime role of PostgreSQL can do at all.
"""

import uuid
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from idp import guards, keyring, privileges
from idp.accounts import sealing
from idp.audit.acts import AccountSuspended
from idp.audit.events import AccountImported, AccountStopped
from idp.audit.record import record
from idp.models import Credential, Device, RecoveryAddress, Role, SignIn
from recovery.domain.journey import Step
from recovery.models import JourneyProof
from tests.attacks.aftermath import SESSION, emptied, make, refused, shut, useless
from tests.attacks.aftermath import scene as scene  # noqa: PLC0414 -- a fixture
from tests.attacks.prompt import db_id, sql
from tests.conftest import drop_guards
from tests.idp.account.conftest import add_address
from tests.recovery.walk import journey_of, walk_to
from tests.story import Person, post_office

ON_SQLITE = connection.vendor == "sqlite"
NOT_OURS = "t2.bm90IG91cnM"


def fits(attempts, vendor):
    return attempts if connection.vendor == vendor else {}


# --- The password -----------------------------------------------------------------------------------------


def write_the_hash(scene):
    sql("UPDATE idp_credential SET material = %s WHERE user_id = %s", scene.theirs, scene.victim)


def after(*statements, then=write_the_hash):
    """First these, then the write."""

    def do(scene):
        for statement in statements:
            sql(statement)
        then(scene)

    return do


def after_dropping(then=write_the_hash):
    def do(scene):
        drop_guards()
        then(scene)

    return do


def put_the_triggers_back(scene):
    """Nothing is missing afterwards."""
    drop_guards()
    write_the_hash(scene)
    connection.check_constraints()
    guards.install()
    assert guards.missing() == []


def write_to_another_table(scene):
    """The table moves away with its triggers, and another one takes its place."""
    for statement in (
        "ALTER TABLE idp_credential RENAME TO was_credential",
        "CREATE TABLE idp_credential AS SELECT * FROM was_credential",
    ):
        sql(statement)
    write_the_hash(scene)


def strike_the_triggers_out(scene):
    """As a text editor would: out of the table that holds the schema."""
    sql("PRAGMA writable_schema = ON")
    try:
        sql("DELETE FROM sqlite_master WHERE type = 'trigger'")
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA schema_version")
            (version,) = cursor.fetchone()
        # Whoever reads the schema next reads it anew.
        sql(f"PRAGMA schema_version = {version + 1}")
        write_the_hash(scene)
    finally:
        sql("PRAGMA writable_schema = OFF")


def say_it_is_deleted(scene):
    """Of a deleted account the triggers let the rows go."""
    sql("UPDATE idp_user SET status = 'deleted' WHERE id = %s", scene.victim)
    sql("DELETE FROM idp_credential WHERE user_id = %s", scene.victim)


def come_back(scene):
    sql("UPDATE idp_user SET status = 'active' WHERE id = %s", scene.victim)


def insert_a_first_one(scene, seal=NOT_OURS):
    mine = Credential.objects.get(user=scene.mallory)
    Credential(
        user=scene.jane,
        kind="password",
        material=scene.theirs,
        version=1,
        proof=mine.proof,
        seal=seal,
        changed_at=mine.changed_at,
    ).save(force_insert=True)


def do_all(*acts):
    def do(scene):
        for act in acts:
            act(scene)

    return do


def move_the_attackers_password(scene):
    """Their row, with its genuine seal."""
    sql("DELETE FROM idp_credential WHERE user_id = %s", scene.victim)
    sql("UPDATE idp_credential SET user_id = %s WHERE user_id = %s", scene.victim, scene.attacker)


def copy_in(scene):
    """COPY, as a backup is loaded."""
    values = (uuid.uuid4(), scene.jane.pk, "password", scene.theirs, 1, uuid.uuid4(), NOT_OURS, timezone.now())
    columns = "id, user_id, kind, material, version, proof, seal, changed_at"
    with connection.cursor() as cursor, cursor.copy(f"COPY idp_credential ({columns}) FROM STDIN") as copy:
        copy.write_row(values)


def as_a_replica(scene):
    sql("SET LOCAL session_replication_role = replica")
    write_the_hash(scene)


PASSWORDS = {
    "drop the triggers": shut(after_dropping()),
    "drop them and put them back afterwards": shut(put_the_triggers_back),
    "another table in its place": shut(write_to_another_table),
    "say that the account is deleted, empty it, open it again": emptied(
        do_all(say_it_is_deleted, come_back), shows="something else deleted it"
    ),
    "… and write a first password": shut(do_all(say_it_is_deleted, come_back, insert_a_first_one)),
    "… and leave it deleted": emptied(say_it_is_deleted, shows="the audit has not made it deleted"),
    "delete the row": emptied(
        after_dropping(lambda scene: sql("DELETE FROM idp_credential WHERE user_id = %s", scene.victim)),
        shows="something else deleted it",
    ),
    "the attacker's own row": shut(after_dropping(move_the_attackers_password)),
    "no seal at all": shut(after_dropping(lambda _scene: sql("UPDATE idp_credential SET seal = ''"))),
    **fits(
        {
            "strike the triggers out of the schema": shut(strike_the_triggers_out),
            "a schema that can be written, and the triggers in it": refused(after("PRAGMA writable_schema = ON")),
            "without recursive triggers": refused(after("PRAGMA recursive_triggers = OFF")),
            "without checks": refused(after("PRAGMA ignore_check_constraints = ON", "PRAGMA foreign_keys = OFF")),
        },
        "sqlite",
    ),
    **fits(
        {
            "disable the triggers": shut(after("ALTER TABLE idp_credential DISABLE TRIGGER USER")),
            "a replica, for whom they are disabled": shut(
                after("ALTER TABLE idp_credential ENABLE TRIGGER idp_credential_rows", then=as_a_replica)
            ),
            "be a replica": refused(as_a_replica),
            "replace what the triggers call": shut(
                after(
                    "CREATE OR REPLACE FUNCTION idp_credential_guard() RETURNS trigger LANGUAGE plpgsql "
                    "AS 'BEGIN RETURN NEW; END'"
                )
            ),
            "copy": refused(copy_in),
            "truncate": refused(lambda _scene: sql("TRUNCATE idp_credential CASCADE")),
            "truncate without triggers": emptied(
                after_dropping(lambda _scene: sql("TRUNCATE idp_credential CASCADE")), shows="something else deleted it"
            ),
            "copy without triggers": shut(
                after_dropping(do_all(lambda _scene: sql("TRUNCATE idp_credential CASCADE"), copy_in))
            ),
        },
        "postgresql",
    ),
}


@pytest.mark.parametrize("name", PASSWORDS)
def test_who_owns_the_database_opens_no_account_with_a_password(scene, name):
    make(PASSWORDS[name], scene)
    if ON_SQLITE:
        sql("PRAGMA recursive_triggers = ON")


# --- What stands beside it --------------------------------------------------------------------------------


def point_the_address_elsewhere(scene):
    mine = RecoveryAddress.objects.get(user=scene.mallory)
    sql(
        "UPDATE idp_recoveryaddress SET digest = %s, ciphertext = %s WHERE user_id = %s",
        mine.digest,
        mine.ciphertext,
        scene.victim,
    )
    recover_by(scene, "mallory@evil.example")


def give_a_second_address(scene):
    """The attacker's own row, once more, for the victim."""
    row = RecoveryAddress.objects.get(user=scene.mallory)
    row.pk, row.user = uuid.uuid4(), scene.jane
    row.save(force_insert=True)
    recover_by(scene, "mallory@evil.example")


def cut_its_quarantine_short(scene):
    """A new address proves nobody for a week; this one was added by somebody at an open browser."""
    now = timezone.now()
    row = add_address(scene.jane, "thief@evil.example", now=now, usable_from=now + timedelta(days=7))
    connection.check_constraints()
    drop_guards()
    sql("UPDATE idp_recoveryaddress SET usable_from = NULL WHERE id = %s", db_id(row.pk))
    recover_by(scene, "thief@evil.example")


def recover_by(scene, address):
    """A recovery of the victim's account, by this address; no code goes anywhere."""
    walk_to(Step.CODE, address=address, person=Person(address="198.51.100.8"))
    assert post_office() == []


def moment(value):
    return value.replace(tzinfo=None).isoformat(" ") if ON_SQLITE else value


def move_the_session(scene):
    sql("UPDATE idp_signin SET user_id = %s WHERE user_id = %s", scene.victim, scene.attacker)


def write_a_session(scene):
    """With a key that the attacker chose, and the seal of their own."""
    mine = SignIn.objects.get(user=scene.mallory)
    mine.pk, mine.user, mine.key_hash = uuid.uuid4(), scene.jane, keyring.fingerprint("chosen by the attacker")
    mine.save(force_insert=True)
    scene.doors.append(with_session("chosen by the attacker"))


def with_session(key):
    def door():
        person = Person(address="198.51.100.9")
        person.http.cookies[SESSION] = key
        return person

    return door


def move_the_browser(scene):
    later = moment(timezone.now() + timedelta(days=30))
    Device.objects.filter(user=scene.jane).delete()
    sql(
        "UPDATE idp_device SET user_id = %s, trusted_until = %s WHERE user_id = %s", scene.victim, later, scene.attacker
    )


def appoint_oneself(scene):
    Role(user=scene.mallory, name="administrator", granted_at=timezone.now(), seal=NOT_OURS).save(force_insert=True)
    assert scene.browser.open("/console/people/").status == 404


def write_a_proof(scene):
    """Into a recovery of the victim's account that the attacker began."""
    person = walk_to(Step.METHOD, person=Person(address="198.51.100.8"))
    row = journey_of(person)
    JourneyProof(
        journey=row,
        user=scene.jane.pk,
        method="email",
        purpose="recovery",
        thing=RecoveryAddress.objects.get(user=scene.jane).pk,
        thing_version=1,
        browser_hash=row.browser_hash,
        created_at=timezone.now(),
        seal=NOT_OURS,
    ).save(force_insert=True)
    assert person.open("/recovery/password/").name != "recovery-new-password"
    scene.doors.append(lambda: person)


def status(value):
    return lambda scene: sql("UPDATE idp_user SET status = %s WHERE id = %s", value, scene.victim)


def open_what_was_suspended(scene):
    with transaction.atomic():
        record(AccountSuspended(user=scene.jane.pk, was="active", by=scene.mallory.pk, reason="security"))
    status("suspended")(scene)
    status("active")(scene)


def open_what_was_stopped(scene):
    with transaction.atomic():
        record(AccountStopped(user=scene.jane.pk, source=scene.jane.pk))
    status("stopped")(scene)
    status("active")(scene)


def exchange(*columns):
    """The attacker becomes her to whoever goes by these; both were brought by an import, which the history has."""

    def do(scene):
        with transaction.atomic():
            record(
                *(
                    AccountImported(user=user.pk, email_vouched_for=True, identity=sealing.identity(user))
                    for user in (scene.jane, scene.mallory)
                )
            )
        for column in columns:
            hers, theirs = getattr(scene.jane, column), getattr(scene.mallory, column)
            for value, whom in ((uuid.uuid4().hex, scene.victim), (hers, scene.attacker), (theirs, scene.victim)):
                sql(f"UPDATE idp_user SET {column} = %s WHERE id = %s", value, whom)

    return do


def audit(statement):
    return after_dropping(lambda _scene: sql(statement))


#: Where the runtime role may write as the program does, and the triggers have nothing to say.
BESIDE = {
    "the attacker's session made the victim's": useless(move_the_session, shows="sign_in"),
    "a session with a key of one's own": useless(write_a_session, shows="sign_in"),
    "a known browser of the attacker's made the victim's": useless(move_the_browser, shows="device"),
    "the role of an administrator": useless(appoint_oneself, shows="the audit has not granted it"),
    "a proof in a recovery": useless(write_a_proof, shows="recovery_proof"),
    "say that the account is invited": emptied(status("invited"), shows="the audit has not made it invited"),
    "say that the account is stopped": emptied(status("stopped"), shows="the audit has not made it stopped"),
    "say that the account is frozen": emptied(status("frozen"), shows="the audit has not made it frozen"),
    "say that the account is suspended": emptied(status("suspended"), shows="the audit has not made it suspended"),
    "open what was suspended": useless(open_what_was_suspended, shows="the audit has suspended it"),
    "open what its owner stopped": useless(open_what_was_stopped, shows="the audit has stopped it"),
    "exchange what applications know them by": useless(exchange("sub"), shows="its sub or its names"),
    "exchange the addresses that applications read": useless(exchange("email"), shows="its sub or its names"),
    "exchange the names they sign in with": emptied(
        exchange("username_key", "email_key"), shows="its sub or its names"
    ),
    "move the head of the audit": useless(
        lambda _scene: sql("UPDATE idp_audithead SET sequence = sequence - 1"), shows="the seal of the head"
    ),
}
#: What takes the owner of the tables.
OWNERS = {
    "the address made the attacker's": shut(after_dropping(point_the_address_elsewhere)),
    "an address of the attacker's beside it": shut(give_a_second_address),
    "when an address can be used": shut(cut_its_quarantine_short),
    "an entry of the audit altered": useless(
        audit("UPDATE idp_auditentry SET name = 'idp.nothing' WHERE sequence = 1"), shows="entry 1 was altered"
    ),
    "an entry of the audit deleted": useless(
        audit("DELETE FROM idp_auditentry WHERE sequence = 2"), shows="entry 2 missing"
    ),
    "the audit emptied": useless(audit("DELETE FROM idp_auditentry"), shows="the sealed head is at"),
    "the head of the audit deleted": useless(audit("DELETE FROM idp_audithead"), shows="the sealed head is missing"),
}


@pytest.mark.parametrize("name", [*BESIDE, *OWNERS])
def test_who_owns_the_database_opens_no_account_with_what_stands_beside_it(scene, name):
    make({**BESIDE, **OWNERS}[name], scene)


# --- The runtime role of PostgreSQL -----------------------------------------------------------------------


@pytest.fixture
def runtime(scene, settings):
    """The role, as deploy/postgresql/roles.sql makes it, for as long as the test's transaction lasts."""
    role = f"{connection.settings_dict['NAME']}_runtime"
    settings.DATABASE_RUNTIME_ROLE = role
    for name in (role, privileges.writer_of(role)):
        sql(f'CREATE ROLE "{name}" NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE')
    sql(f'REVOKE CREATE ON SCHEMA public FROM PUBLIC, "{role}"')
    sql(f'GRANT CREATE ON SCHEMA public TO "{privileges.writer_of(role)}"')
    privileges.grant()
    return role


def as_role(role, attempt):
    """The attempt, with the rights of that role and of no other."""

    def do(scene):
        sql(f'SET LOCAL SESSION AUTHORIZATION "{role}"')
        attempt.does(scene)
        sql("RESET SESSION AUTHORIZATION")

    return type(attempt)(**{**vars(attempt), "does": do})


def put(scene, row, *, version, user=None):
    """By the function that writes with rights of its own."""
    values = (db_id(row), user or scene.victim, scene.theirs, version, db_id(uuid.uuid4()), NOT_OURS)
    sql("SELECT idp_credential_put(%s, %s, 'password', %s, NULL, %s, %s, %s, now())", *values)


def put_an_address(scene):
    mine = RecoveryAddress.objects.get(user=scene.mallory)
    values = (db_id(uuid.uuid4()), scene.victim, mine.digest, mine.ciphertext, db_id(uuid.uuid4()), NOT_OURS)
    sql("SELECT idp_recoveryaddress_put(%s, %s, 'email', %s, %s, 1, %s, %s, now(), NULL, NULL)", *values)
    recover_by(scene, "mallory@evil.example")


def say_it_is_deleted_and_erase(scene):
    sql("UPDATE idp_user SET status = 'deleted' WHERE id = %s", scene.victim)
    sql("SELECT idp_credential_erase(ARRAY(SELECT id FROM idp_credential WHERE user_id = %s))", scene.victim)


def append_an_entry(_scene):
    sql(
        "INSERT INTO idp_auditentry (sequence, at, name, details, origin, previous_hash, entry_hash) "
        "SELECT sequence + 1, now(), 'idp.nothing', '{}', '{}', entry_hash, entry_hash FROM idp_auditentry "
        "ORDER BY sequence DESC LIMIT 1"
    )


def with_sql(statement):
    return refused(lambda _scene: sql(statement))


RUNTIME = {
    "update the hash": refused(write_the_hash),
    "insert over it": refused(insert_a_first_one),
    "insert or do something else": with_sql(
        "INSERT INTO idp_credential SELECT * FROM idp_credential ON CONFLICT (id) DO UPDATE SET material = 'theirs'"
    ),
    "delete it": with_sql("DELETE FROM idp_credential"),
    "copy it in": refused(copy_in),
    "truncate": with_sql("TRUNCATE idp_credential CASCADE"),
    "disable the triggers": with_sql("ALTER TABLE idp_credential DISABLE TRIGGER ALL"),
    "drop a trigger": with_sql("DROP TRIGGER idp_credential_rows ON idp_credential"),
    "replace what the triggers call": with_sql("DROP FUNCTION idp_credential_guard CASCADE"),
    "another table in its place": refused(write_to_another_table),
    "be a replica": refused(as_a_replica),
    "shorten the audit": with_sql("DELETE FROM idp_auditentry"),
    "delete the head of the audit": with_sql("DELETE FROM idp_audithead"),
    "have the writer write a next version": shut(lambda scene: put(scene, scene.password.pk, version=2)),
    "have the writer write one more": refused(lambda scene: put(scene, uuid.uuid4(), version=1)),
    "have the writer erase it": refused(
        lambda scene: sql("SELECT idp_credential_erase(ARRAY[%s]::uuid[])", scene.password.pk)
    ),
    "say that the account is deleted, have it erased, open it again": emptied(
        do_all(say_it_is_deleted_and_erase, come_back), shows="something else deleted it"
    ),
    "… and have the writer write a first password": shut(
        do_all(say_it_is_deleted_and_erase, come_back, lambda scene: put(scene, uuid.uuid4(), version=1))
    ),
    "have the writer write an address": shut(put_an_address),
    "append to the audit": useless(append_an_entry, shows="was altered"),
    **BESIDE,
}

if not ON_SQLITE:

    @pytest.mark.parametrize("name", RUNTIME)
    def test_the_runtime_role_opens_no_account(scene, runtime, name):
        make(as_role(runtime, RUNTIME[name]), scene)

"""Three roles on a real PostgreSQL: what the runtime role, with nothing but SQL, is refused (DB-01, DB-09).

The database, its roles and its tables come by the way that operators use: deploy/postgresql/roles.sql, then `migrate`.
"""

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.servers import Missing, find_postgres, postgres_server

ROOT = Path(__file__).resolve().parents[2]
WORD = "a-word-for-tests"

_PUT = (
    "SELECT idp_credential_put(%(row)s, %(user)s, 'password', 'theirs', NULL, %(version)s, "
    "gen_random_uuid(), 's.eal', now())"
)


class Cluster:
    """A server with the three roles, and one account with a password."""

    def __init__(self, url):
        self.superuser = urlsplit(url)

    def url(self, role):
        return f"postgres://{role}:{WORD}@{self.superuser.hostname}:{self.superuser.port}/regain"

    def as_(self, role):
        return closing(psycopg.connect(self.url(role), autocommit=True))

    def run(self, *command, role, **environment):
        names = {"DATABASE_URL": self.url(role), "REGAIN_TEST_DATABASE_URL": self.url(role)}
        return subprocess.run(
            [sys.executable, *command],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", **names, **environment},
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


RUNTIME, OWNER = "regain_runtime", "regain_owner"
APART = {"DATABASE_RUNTIME_ROLE": RUNTIME}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    try:
        with postgres_server() as url:
            cluster = Cluster(url)
            words = ("-v", f"owner_password={WORD}", "-v", f"runtime_password={WORD}")
            script = ROOT / "deploy" / "postgresql" / "roles.sql"
            subprocess.run([find_postgres() / "psql", url, "-q", *words, "-f", script], check=True)
            migrated = cluster.run("manage.py", "migrate", role=OWNER, **APART)
            assert migrated.returncode == 0, migrated.stderr[-2000:]
            # As the runtime role: an import writes a credential and an address, each through its function.
            people = tmp_path_factory.mktemp("people") / "people.jsonl"
            people.write_text(
                '{"preferred_username": "jane", "email": "jane@contoso.example", "email_verified": true, '
                '"password_hash": "pbkdf2_sha256$600000$c2FsdHNhbHQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}\n',
                encoding="utf-8",
            )
            imported = cluster.run("manage.py", "import_users", str(people), role=RUNTIME, **APART)
            assert imported.returncode == 0, imported.stderr[-2000:]
            yield cluster
    except Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def runtime(cluster):
    with cluster.as_(RUNTIME) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _nothing_changes(cluster):
    """Whatever was tried: guarded rows and the audit are afterwards what they were before."""
    before = rows(cluster)
    assert [len(each) for each in before] == [1, 1, 3]
    yield
    assert rows(cluster) == before


def rows(cluster):
    with cluster.as_(OWNER) as connection:
        tables = ("idp_credential", "idp_recoveryaddress", "idp_auditentry")
        return [connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in tables]


REFUSED = {
    f"{what} {table}": statement.format(table=table)
    for table in ("idp_credential", "idp_recoveryaddress")
    for what, statement in {
        "update": "UPDATE {table} SET seal = 'x'",
        "update everything looked at": (
            "UPDATE {table} SET seal = 'x', version = version + 1, proof = gen_random_uuid()"
        ),
        "delete": "DELETE FROM {table}",
        "insert": "INSERT INTO {table} SELECT * FROM {table}",
        "copy": "COPY {table} FROM STDIN",
        "truncate": "TRUNCATE {table} CASCADE",
        "lock for an update": "SELECT 1 FROM {table} FOR UPDATE",
        "disable the trigger": "ALTER TABLE {table} DISABLE TRIGGER ALL",
        "drop the trigger": "DROP TRIGGER {table}_rows ON {table}",
        "own trigger": (
            "CREATE TRIGGER own BEFORE INSERT ON {table} FOR EACH ROW "
            "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
        ),
        "replace the guard": (
            "CREATE OR REPLACE FUNCTION {table}_guard() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'"
        ),
        "own function": "ALTER FUNCTION {table}_put OWNER TO regain_runtime",
        "another path": "ALTER FUNCTION {table}_put RESET search_path",
        "drop": "DROP TABLE {table} CASCADE",
        "own it": "ALTER TABLE {table} OWNER TO regain_runtime",
    }.items()
} | {
    "alter the audit": "UPDATE idp_auditentry SET name = 'idp.nothing'",
    "shorten the audit": "DELETE FROM idp_auditentry",
    "empty the audit": "TRUNCATE idp_auditentry",
    "drop the head": "DELETE FROM idp_audithead",
    "be a replica": "SET session_replication_role = replica",
    "be the owner": "SET ROLE regain_owner",
    "be the writer": "SET ROLE regain_runtime_writer",
    "a temporary table": "CREATE TEMPORARY TABLE idp_user (id uuid, status text)",
    "a table": "CREATE TABLE idp_mine (id uuid)",
    "a schema": "CREATE SCHEMA mine",
    "forget migrations": "DELETE FROM django_migrations",
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_runtime_role_has_no_right_to(runtime, name):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        runtime.execute(REFUSED[name])


def jane_of(runtime):
    return runtime.execute("SELECT id, user_id, version FROM idp_credential").fetchone()


def test_the_writer_refuses_another_password_and_a_living_account(runtime):
    row, user, _version = jane_of(runtime)
    with pytest.raises(psycopg.errors.IntegrityError):
        runtime.execute(_PUT, {"row": row, "user": user, "version": 1})
    for name in ("idp_credential_erase", "idp_recoveryaddress_erase"):
        table = name.removesuffix("_erase")
        with pytest.raises(psycopg.errors.IntegrityError):
            runtime.execute(f"SELECT {name}(ARRAY(SELECT id FROM {table}))")


@pytest.mark.parametrize("version", [3, 7, 0])
def test_the_writer_replaces_nothing_but_the_version_before(runtime, version):
    row, user, _version = jane_of(runtime)
    assert runtime.execute(_PUT, {"row": row, "user": user, "version": version}).fetchone() == (0,)


def test_the_writer_does_not_write_into_somebody_elses_row(runtime):
    row, _user, _version = jane_of(runtime)
    nobody = "00000000-0000-0000-0000-000000000000"
    assert runtime.execute(_PUT, {"row": row, "user": nobody, "version": 2}).fetchone() == (0,)


def test_the_writer_looks_names_up_where_it_says(runtime):
    runtime.execute("SET search_path = pg_temp, public")
    row, user, _version = jane_of(runtime)
    assert runtime.execute(_PUT, {"row": row, "user": user, "version": 7}).fetchone() == (0,)
    with pytest.raises(psycopg.errors.IntegrityError):
        runtime.execute("SELECT idp_credential_erase(ARRAY(SELECT id FROM idp_credential))")


def test_a_temporary_table_of_the_owners_does_not_tell_who_is_deleted(cluster):
    with cluster.as_(OWNER) as connection:
        connection.execute("CREATE TEMPORARY TABLE idp_user (id uuid, status text)")
        with pytest.raises(psycopg.errors.IntegrityError):
            connection.execute("DELETE FROM public.idp_recoveryaddress")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE idp_credential SET material = 'x', seal = 'x'",
        "UPDATE idp_credential SET version = version + 2, seal = 'x', proof = gen_random_uuid()",
        "DELETE FROM idp_credential",
        "TRUNCATE idp_credential CASCADE",
        "DELETE FROM idp_auditentry",
        "UPDATE idp_auditentry SET name = 'idp.nothing'",
        "TRUNCATE idp_auditentry",
    ],
)
def test_the_owner_meets_the_triggers(cluster, statement):
    with cluster.as_(OWNER) as connection, pytest.raises(psycopg.errors.IntegrityError):
        connection.execute(statement)


def test_web_starts_as_the_runtime_role_and_not_as_the_owner(cluster):
    started = cluster.run("-c", "import config.wsgi", role=RUNTIME, **APART)
    assert started.returncode == 0, started.stderr[-2000:]
    refused = cluster.run("-c", "import config.wsgi", role=OWNER, **APART)
    assert refused.returncode != 0
    assert "owns tables" in refused.stderr


def test_a_right_too_many_keeps_it_from_starting(cluster):
    with cluster.as_(OWNER) as connection:
        connection.execute("GRANT UPDATE (seal) ON idp_credential TO regain_runtime")
        try:
            refused = cluster.run("-c", "import config.wsgi", role=RUNTIME, **APART)
        finally:
            connection.execute("REVOKE UPDATE (seal) ON idp_credential FROM regain_runtime")
    assert refused.returncode != 0
    assert "has UPDATE on idp_credential" in refused.stderr


def test_one_role_for_everything_is_a_warning(cluster):
    said = cluster.run("manage.py", "check", "--database", "default", role=OWNER)
    assert said.returncode == 0
    assert "idp.W001" in said.stderr

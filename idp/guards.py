"""Database triggers: the second net under the one writer of credentials.

They refuse, in the database itself, every write that `idp.accounts.credentials` would not do: a first version
that is not 1, a next version that does not follow, a kept seal or proof, a moved row, a deletion while the account
lives, a TRUNCATE; and of the audit everything but another entry. They are not the guarantee (whoever owns the
database can drop them): the seal is.

One more write is let through: the same version sealed with another root key, everything that it says being kept but
for the ciphertext of what is encrypted (`credentials.reseal`).

Written after every migration and compared with this text at start-up, so that one that was lost, disabled or
altered is noticed before anybody signs in.
"""

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

#: Where functions look names up, whatever their caller's path is. Temporary tables come last: left out they come
#: first, and somebody's own `idp_user` would tell of accounts that are deleted.
SEARCH_PATH = "pg_catalog, public, pg_temp"
GUARDED = ("idp_credential", "idp_recoveryaddress")
#: What is only ever added to: the audit.
APPENDED = ("idp_auditentry",)
_APPENDED_ONLY = "what is written stays as it is"
#: What a row keeps for good: whose it is, and what.
_STANDS = {"idp_credential": ("user_id", "kind"), "idp_recoveryaddress": ("user_id", "channel", "digest")}
#: When two rows would be the same: of some kinds an account has one at the most.
_SAME = {
    "idp_credential": "user_id = NEW.user_id AND kind = NEW.kind AND kind IN ('password', 'recovery_codes')",
    "idp_recoveryaddress": "user_id = NEW.user_id AND channel = NEW.channel AND digest = NEW.digest",
}
#: What is over for good. A removed factor does not come back; a set of recovery codes may be replaced after that.
_OVER = {
    "idp_credential": "(OLD.material = '' AND OLD.kind <> 'recovery_codes')",
    "idp_recoveryaddress": "(1 = 0)",
}
#: What stays as it is where a row is sealed anew. What is encrypted is encrypted anew as well.
_KEPT = {
    "idp_credential": ("version", "proof", "changed_at", "handle"),
    "idp_recoveryaddress": ("version", "proof", "changed_at", "usable_from", "told_until"),
}
_ENCRYPTED = {
    "idp_credential": "(NEW.material = OLD.material OR (OLD.kind = 'totp' AND NEW.material <> ''))",
    "idp_recoveryaddress": "(1 = 1)",
}


def install(using: str = "default") -> None:
    """Create the triggers anew. Safe to repeat; called after every migration."""
    connection = connections[using]
    with connection.cursor() as cursor:
        for statement in _statements(connection):
            cursor.execute(statement)


def missing(using: str = "default") -> list[str]:
    """The names of triggers that are absent, disabled or not as written here. Empty is good."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        return _missing_sqlite(connection)
    return _missing_postgresql(connection)


def _statements(connection: BaseDatabaseWrapper) -> list[str]:
    if connection.vendor == "sqlite":
        drops = [f"DROP TRIGGER IF EXISTS {name}" for name in _sqlite_triggers()]
        return [*drops, *_sqlite_triggers().values()]
    return _postgresql_statements()


# --- SQLite -----------------------------------------------------------------------------------------------


def _sqlite_triggers() -> dict[str, str]:
    triggers = {}
    for table in GUARDED:
        moved = " OR ".join(f"NEW.{column} IS NOT OLD.{column}" for column in ("id", *_STANDS[table]))
        kept = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in _KEPT[table])
        key = "substr({0}.seal, 1, instr({0}.seal, '.'))".format
        resealed = f"{kept} AND {_ENCRYPTED[table]} AND {key('NEW')} <> {key('OLD')}"
        triggers[f"{table}_insert"] = (
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} "
            f"WHEN NEW.version <> 1 OR EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR ({_SAME[table]})) "
            f"BEGIN SELECT RAISE(ABORT, '{table}: a first version is 1, and there is one'); END"
        )
        triggers[f"{table}_update"] = (
            f"CREATE TRIGGER {table}_update BEFORE UPDATE ON {table} "
            f"WHEN NOT ({resealed}) "
            f"AND (NEW.version <> OLD.version + 1 OR NEW.seal = OLD.seal OR NEW.proof = OLD.proof OR {_OVER[table]}) "
            f"OR {moved} "
            f"BEGIN SELECT RAISE(ABORT, '{table}: a next version needs a proof and a seal of its own'); END"
        )
        triggers[f"{table}_delete"] = (
            f"CREATE TRIGGER {table}_delete BEFORE DELETE ON {table} "
            "WHEN EXISTS (SELECT 1 FROM idp_user WHERE id = OLD.user_id AND status <> 'deleted') "
            f"BEGIN SELECT RAISE(ABORT, '{table}: kept as long as its account'); END"
        )
    for table in APPENDED:
        for event in ("update", "delete"):
            triggers[f"{table}_{event}"] = (
                f"CREATE TRIGGER {table}_{event} BEFORE {event.upper()} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table}: {_APPENDED_ONLY}'); END"
            )
        triggers[f"{table}_insert"] = (
            f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} "
            f"WHEN EXISTS (SELECT 1 FROM {table} WHERE sequence = NEW.sequence) "
            f"BEGIN SELECT RAISE(ABORT, '{table}: {_APPENDED_ONLY}'); END"
        )
    return triggers


def _missing_sqlite(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        found = dict(cursor.fetchall())
    return [name for name, text in _sqlite_triggers().items() if found.get(name) != text]


# --- PostgreSQL -------------------------------------------------------------------------------------------


def _postgresql_functions() -> dict[str, str]:
    functions = {}
    # The class of errors that a broken constraint has, as RAISE(ABORT) has on SQLite: the writer expects it.
    as_fault = "USING ERRCODE = 'integrity_constraint_violation'"
    for table in GUARDED:
        moved = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in ("id", *_STANDS[table]))
        kept = " AND ".join(f"NEW.{column} IS NOT DISTINCT FROM OLD.{column}" for column in _KEPT[table])
        key = "split_part({0}.seal, '.', 1)".format
        resealed = f"{kept} AND {_ENCRYPTED[table]} AND {key('NEW')} <> {key('OLD')}"
        functions[f"{table}_guard"] = f"""
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION '{table}: not emptied' {as_fault};
  ELSIF TG_OP = 'INSERT' THEN
    IF NEW.version <> 1 OR EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id OR ({_SAME[table]})) THEN
      RAISE EXCEPTION '{table}: a first version is 1, and there is one' {as_fault};
    END IF;
    RETURN NEW;
  ELSIF TG_OP = 'UPDATE' THEN
    IF {moved} OR NOT ({resealed})
      AND (NEW.version <> OLD.version + 1 OR NEW.seal = OLD.seal OR NEW.proof = OLD.proof OR {_OVER[table]}) THEN
      RAISE EXCEPTION '{table}: a next version needs a proof and a seal of its own' {as_fault};
    END IF;
    RETURN NEW;
  END IF;
  IF EXISTS (SELECT 1 FROM idp_user WHERE id = OLD.user_id AND status <> 'deleted') THEN
    RAISE EXCEPTION '{table}: kept as long as its account' {as_fault};
  END IF;
  RETURN OLD;
END
"""
    for table in APPENDED:
        functions[f"{table}_guard"] = f"""
BEGIN
  RAISE EXCEPTION '{table}: {_APPENDED_ONLY}' {as_fault};
END
"""
    return functions


def _postgresql_statements() -> list[str]:
    statements = []
    for table in (*GUARDED, *APPENDED):
        name = f"{table}_guard"
        events = "UPDATE OR DELETE" if table in APPENDED else "INSERT OR UPDATE OR DELETE"
        statements += [
            (
                f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql "
                f"SET search_path = {SEARCH_PATH} AS $${_postgresql_functions()[name]}$$"
            ),
            f"DROP TRIGGER IF EXISTS {table}_rows ON {table}",
            (f"CREATE TRIGGER {table}_rows BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()"),
            f"DROP TRIGGER IF EXISTS {table}_whole ON {table}",
            f"CREATE TRIGGER {table}_whole BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {name}()",
            # Fires even where session_replication_role says otherwise.
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_rows",
            f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_whole",
        ]
    return statements


#: pg_trigger.tgtype: row 1, before 2, insert 4, delete 8, update 16, truncate 32.
_POSTGRESQL_TYPES = {
    **{table: {"rows": 1 | 2 | 4 | 8 | 16, "whole": 2 | 32} for table in GUARDED},
    **{table: {"rows": 1 | 2 | 8 | 16, "whole": 2 | 32} for table in APPENDED},
}


def _missing_postgresql(connection: BaseDatabaseWrapper) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            # Without a condition, for all columns, by a function that looks names up where ours does.
            "SELECT c.relname, t.tgname, t.tgenabled, t.tgtype, p.proname, p.prosrc FROM pg_trigger t "
            "JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT t.tgisinternal AND t.tgqual IS NULL AND t.tgattr = ''::int2vector "
            "AND p.proconfig = %s AND c.relname = ANY(%s)",
            [[f"search_path={SEARCH_PATH}"], list(_POSTGRESQL_TYPES)],
        )
        found = {row[:2]: row[2:] for row in cursor.fetchall()}
    return [
        f"{table}_{suffix}"
        for table, types in _POSTGRESQL_TYPES.items()
        for suffix, kind in types.items()
        if found.get((table, f"{table}_{suffix}"))
        != ("A", kind, f"{table}_guard", _postgresql_functions()[f"{table}_guard"])
    ]

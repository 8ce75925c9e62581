"""How a guarded row reaches its table: by a plain statement on SQLite, on PostgreSQL by a function of the database.

The role that the program runs as may read credentials and recovery addresses there, and not write them: the functions
write with the rights of their owner (SECURITY DEFINER), one row at a time, and only as the next version of itself.
Where many first versions are written at once (an import), one statement calls the same function for each.
So a statement that somebody smuggles in cannot touch a table of credentials as a whole; what it can call
the triggers judge, and what it writes has no seal.

The functions exist on every PostgreSQL, whether the roles are apart or not, so there is one way of writing.
"""

import uuid
from collections.abc import Iterable, Sequence

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper

from idp import guards
from idp.models import Credential, RecoveryAddress

Guarded = Credential | RecoveryAddress
_GUARDED: tuple[type[Guarded], ...] = (Credential, RecoveryAddress)
#: What a row keeps from version to version.
_STANDS = frozenset({"id", "user_id", "kind", "channel", "digest"})
#: Which row a new version replaces. There is one password, and who may replace it need not know its row.
_WHICH = {
    Credential: "user_id = p_user_id AND kind = p_kind AND (id = p_id OR kind = 'password')",
    RecoveryAddress: "user_id = p_user_id AND id = p_id",
}


def put(row: Guarded, *, using: str = "default") -> bool:
    """Write `row`: insert a first version, or replace the version before it. False if that is not there any more.

    Raises IntegrityError if the database refuses it. Runs in its caller's transaction.
    """
    connection = connections[using]
    if connection.vendor == "postgresql":
        return _put_by_function(row, connection)
    if row.version == 1:
        row.save(force_insert=True)
        return True
    which = {"user": row.user_id, "version": row.version - 1}
    if isinstance(row, RecoveryAddress) or row.kind != Credential.Kind.PASSWORD:
        which["pk"] = row.pk
    if isinstance(row, Credential):
        which["kind"] = row.kind
    changed = {each.attname: getattr(row, each.attname) for each in _fields(type(row)) if each.attname not in _STANDS}
    return type(row)._default_manager.filter(**which).update(**changed) == 1  # noqa: SLF001 -- Django's documented API


def put_first(rows: Sequence[Guarded], *, using: str = "default") -> None:
    """Insert first versions, all of one table, in few statements: each through the same door as in `put`, or none.

    Raises IntegrityError if the database refuses one of them. Runs in its caller's transaction.
    """
    if not rows:
        return
    if any(row.version != 1 for row in rows):
        raise ValueError("Only a first version is inserted; a later one replaces the one before it: `put`.")
    connection, model = connections[using], type(rows[0])
    if connection.vendor == "postgresql":
        _put_first_by_function(rows, model, connection)
    else:
        model._default_manager.bulk_create(rows)  # type: ignore[arg-type]  # noqa: SLF001 -- rows are of one table; documented API


def erase(rows: "models.QuerySet[Credential, Credential] | models.QuerySet[RecoveryAddress, RecoveryAddress]") -> None:
    """Remove the rows of deleted accounts with what hangs on them; of any other, the database refuses it."""
    connection = connections[rows.db]
    if connection.vendor != "postgresql":
        rows.delete()
        return
    keys = list(rows.values_list("pk", flat=True))
    _let_go(rows.model, keys)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_name(rows.model, 'erase')}(%s::uuid[])", [keys])


def functions() -> tuple[str, ...]:
    """The names of the functions, for whoever grants and checks who may call them."""
    return tuple(_name(model, what) for model in _GUARDED for what in ("put", "erase"))


def install(using: str = "default") -> None:
    """Create the functions anew, for nobody but their owner. Safe to repeat; nothing on SQLite."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        for signature in _present(connection):
            cursor.execute(f"DROP FUNCTION {signature}")
        for model in _GUARDED:
            for statement in (*_put_statements(model, connection), *_erase_statements(model)):
                cursor.execute(statement)


def missing(using: str = "default") -> list[str]:
    """The names of functions that are absent, not as written here, or there more than once. Empty is good."""
    connection = connections[using]
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT proname, prosecdef, proconfig, prosrc FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND proname = ANY(%s) ORDER BY proname",
            [list(functions())],
        )
        found = cursor.fetchall()
    path = [f"search_path={guards.SEARCH_PATH}"]
    expected = {name: (name, True, path, body) for name, body in _bodies().items()}
    names = [row[0] for row in found]
    right = {row[0] for row in found if tuple(row) == expected[row[0]] and names.count(row[0]) == 1}
    return sorted(set(functions()) - right)


def _put_by_function(row: Guarded, connection: BaseDatabaseWrapper) -> bool:
    fields = _fields(type(row))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    typed = ", ".join(f"%s::{field.db_type(connection)}" for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_name(type(row), 'put')}({typed})", values)
        (written,) = cursor.fetchone()
    return bool(written)


def _put_first_by_function(rows: Sequence[Guarded], model: type[Guarded], connection: BaseDatabaseWrapper) -> None:
    """One statement that calls the function of one row for each of them: what the function is for stays as it is."""
    fields = _fields(model)
    columns = [[field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows] for field in fields]
    typed = ", ".join(f"%s::{field.db_type(connection)}[]" for field in fields)
    names = ", ".join(field.column for field in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {_name(model, 'put')}({names}) FROM unnest({typed}) AS given({names})", columns)  # noqa: S608 -- names of our own models


def _let_go(model: type[Guarded], keys: Iterable[uuid.UUID]) -> None:
    """Do to the rows that point at these what their fields say, as Django does where it deletes by itself."""
    for relation in model._meta.related_objects:  # noqa: SLF001 -- Django's documented API
        rows = relation.related_model._default_manager.filter(**{f"{relation.field.name}__in": keys})  # noqa: SLF001 -- as above
        if relation.on_delete is models.SET_NULL:
            rows.update(**{relation.field.name: None})
        else:
            rows.delete()


# --- The functions ----------------------------------------------------------------------------------------


def _put_statements(model: type[Guarded], connection: BaseDatabaseWrapper) -> list[str]:
    types = ", ".join(f"p_{field.column} {field.db_type(connection)}" for field in _fields(model))
    return _definition(_name(model, "put"), types, returns="integer")


def _erase_statements(model: type[Guarded]) -> list[str]:
    return _definition(_name(model, "erase"), "p_rows uuid[]", returns="void")


def _definition(name: str, parameters: str, *, returns: str) -> list[str]:
    return [
        (
            f"CREATE FUNCTION {name}({parameters}) RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {guards.SEARCH_PATH} AS $${_bodies()[name]}$$"
        ),
        # Anybody may call a new function; this one is for those it is granted to.
        f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC",
    ]


def _bodies() -> dict[str, str]:
    bodies = {}
    for model in _GUARDED:
        table, columns = model._meta.db_table, [field.column for field in _fields(model)]  # noqa: SLF001 -- as above
        changed = ", ".join(f"{column} = p_{column}" for column in columns if column not in _STANDS)
        bodies[_name(model, "put")] = f"""
DECLARE
  written integer;
BEGIN
  IF p_version = 1 THEN
    INSERT INTO {table} ({", ".join(columns)}) VALUES ({", ".join(f"p_{column}" for column in columns)});
    RETURN 1;
  END IF;
  UPDATE {table} SET {changed} WHERE version = p_version - 1 AND {_WHICH[model]};
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END
"""  # noqa: S608 -- names of our own models
        # The guard of the table refuses every row whose account lives.
        bodies[_name(model, "erase")] = f"""
BEGIN
  DELETE FROM {table} WHERE id = ANY(p_rows);
END
"""  # noqa: S608 -- as above
    return bodies


def _present(connection: BaseDatabaseWrapper) -> list[str]:
    """Those that are there, with the parameters that an earlier version may have given them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT oid::regprocedure::text FROM pg_proc "
            "WHERE pronamespace = 'public'::regnamespace AND proname = ANY(%s)",
            [list(functions())],
        )
        return [signature for (signature,) in cursor.fetchall()]


def _name(model: type[Guarded], what: str) -> str:
    return f"{model._meta.db_table}_{what}"  # noqa: SLF001 -- as above


def _fields(model: type[Guarded]) -> list["models.Field[object, object]"]:
    return list(model._meta.concrete_fields)  # noqa: SLF001 -- as above

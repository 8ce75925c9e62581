"""What the role that the program runs as may do to which table, on PostgreSQL; nothing here is about SQLite.

Three roles: the owner of the tables, who migrates and is not used otherwise; the runtime role, which reads credentials,
recovery addresses and the audit's entries without changing them; and the writer, which nobody can sign in as and
whose rights the functions of `idp.writers` run with. Given to the runtime role after every migration, by the owner.

Where `DATABASE_RUNTIME_ROLE` is set, a process that may do more does not start. Where it is not, one role does
everything, and that is a warning.
"""

from django.conf import settings
from django.db import connections

from idp import guards, writers

#: For the writer, beside the tables it writes: whose account lives.
_READ_BY_WRITER = ("idp_user",)
_ALL = "SELECT, INSERT, UPDATE, DELETE"
#: What is not like the others; the head of the audit is moved on by every entry, and sealed.
_LESS = {
    **dict.fromkeys(guards.GUARDED, "SELECT"),
    **dict.fromkeys(guards.APPENDED, "SELECT, INSERT"),
    "idp_audithead": "SELECT, INSERT, UPDATE",
    "django_migrations": "SELECT",
}
_EVERY = ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")


def writer_of(runtime: str) -> str:
    """The role whose rights the functions run with."""
    return f"{runtime}_writer"


def grant(using: str = "default") -> None:
    """Give both roles what they need and take the rest; as the owner of the tables. Safe to repeat.

    Nothing without DATABASE_RUNTIME_ROLE. Raises ProgrammingError if the roles are not there: they are made by
    deploy/postgresql/roles.sql.
    """
    connection = connections[using]
    runtime = settings.DATABASE_RUNTIME_ROLE
    if connection.vendor != "postgresql" or not runtime:
        return
    tables = connection.introspection.table_names()
    with connection.cursor() as cursor:
        for statement in _statements(tables, runtime=_quoted(runtime), writer=_quoted(writer_of(runtime))):
            cursor.execute(statement)


def faults(using: str = "default") -> list[str]:
    """What the connected role may do and must not, in words for an operator. Empty if one role is to do everything."""
    if connections[using].vendor != "postgresql" or not settings.DATABASE_RUNTIME_ROLE:
        return []
    return excess(using)


def excess(using: str = "default") -> list[str]:
    """As `faults`, whatever is configured; one statement."""
    with connections[using].cursor() as cursor:
        cursor.execute(_EXCESS, {"less": list(_LESS), "every": list(_EVERY)})
        power, rights = cursor.fetchone()
    role = "the database role of this process"
    found = [f"{role} {what} (DATABASE_URL is to name the one in DATABASE_RUNTIME_ROLE)" for what in power]
    if not found:
        allowed = {f"{right} on {table}" for table, some in _LESS.items() for right in some.split(", ")}
        found = [f"{role} has {right}, and must not" for right in sorted(set(rights) - allowed)]
    return found


_EXCESS = """
SELECT
  array_remove(ARRAY[
    CASE WHEN rolsuper THEN 'is a superuser' END,
    CASE WHEN rolcreaterole THEN 'may create roles' END,
    CASE WHEN EXISTS (
      SELECT 1 FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND pg_has_role(current_user, relowner, 'MEMBER')
    ) THEN 'owns tables, or may act as who does' END,
    CASE WHEN EXISTS (
      SELECT 1 FROM pg_proc
      WHERE pronamespace = 'public'::regnamespace AND pg_has_role(current_user, proowner, 'MEMBER')
    ) THEN 'owns functions, or may act as who does' END,
    CASE WHEN has_schema_privilege(current_user, 'public', 'CREATE') THEN 'may create in the schema public' END
  ], NULL),
  ARRAY(
    SELECT each || ' on ' || relname FROM pg_class, unnest(%(every)s::text[]) AS each
    WHERE relnamespace = 'public'::regnamespace AND relname = ANY(%(less)s::text[])
    AND (
      has_table_privilege(current_user, pg_class.oid, each)
      OR each IN ('INSERT', 'UPDATE', 'REFERENCES') AND has_any_column_privilege(current_user, pg_class.oid, each)
    )
  )
FROM pg_roles WHERE rolname = current_user
"""


def _statements(tables: list[str], *, runtime: str, writer: str) -> list[str]:
    statements = [f"GRANT USAGE ON SCHEMA public TO {runtime}, {writer}"]
    for table in tables:
        statements += [
            f"REVOKE ALL ON TABLE {_quoted(table)} FROM PUBLIC, {runtime}, {writer}",
            f"GRANT {_LESS.get(table, _ALL)} ON TABLE {_quoted(table)} TO {runtime}",
        ]
    statements.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {runtime}")
    statements += [f"GRANT {_ALL} ON TABLE {table} TO {writer}" for table in guards.GUARDED]
    statements += [f"GRANT SELECT ON TABLE {table} TO {writer}" for table in _READ_BY_WRITER]
    for name in writers.functions():
        statements += [
            f"GRANT EXECUTE ON FUNCTION {name} TO {runtime}",
            f"ALTER FUNCTION {name} OWNER TO {writer}",
        ]
    return statements


def _quoted(name: str) -> str:
    return '"{}"'.format(name.replace('"', '""'))

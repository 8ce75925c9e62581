"""Photographing the database: what an act wrote, and that another wrote nothing."""

from functools import cache

from django.db import connection


def photograph(*, without=()):
    """Every row of every table of ours, to be compared."""
    tables = [table for table in our_tables() if table not in without]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            return at_once(cursor, tables)
        picture = {}
        for table in tables:
            cursor.execute(f"SELECT * FROM {table}")
            picture[table] = sorted(map(repr, cursor.fetchall()))
        return picture


@cache
def our_tables():
    return sorted(table for table in connection.introspection.table_names() if table.startswith(("idp_", "recovery_")))


def at_once(cursor, tables):
    """By one statement: to a server, one for each table is most of what a picture costs."""
    picture = {table: [] for table in tables}
    cursor.execute(" UNION ALL ".join(f"SELECT '{table}', one::text FROM {table} AS one" for table in tables))
    for table, row in cursor.fetchall():
        picture[table].append(row)
    return {table: sorted(rows) for table, rows in picture.items()}


def changed(before, after):
    """The tables in which something differs."""
    return {table for table in before if before[table] != after[table]}

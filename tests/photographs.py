"""Photographing the database: what an act wrote, and that another wrote nothing."""

from django.db import connection


def photograph(*, without=()):
    """Every row of every table of ours, to be compared."""
    tables = [table for table in connection.introspection.table_names() if table.startswith(("idp_", "recovery_"))]
    with connection.cursor() as cursor:
        picture = {}
        for table in sorted(set(tables) - set(without)):
            cursor.execute(f"SELECT * FROM {table}")
            picture[table] = sorted(map(repr, cursor.fetchall()))
    return picture


def changed(before, after):
    """The tables in which something differs."""
    return {table for table in before if before[table] != after[table]}

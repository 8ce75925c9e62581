"""A database prompt: what somebody has who owns the database and none of our keys."""

from django.db import connection

#: The password that the attacker knows.
THEIRS = "the password of the attacker"


def sql(statement, *parameters):
    """Run it as somebody at a database prompt does."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def db_id(value):
    """A key as the column holds it."""
    return value.hex if connection.vendor == "sqlite" else value

"""What a request writes and answers, so that two requests can be compared; and then it was never made."""

from collections import Counter
from copy import deepcopy
from dataclasses import dataclass

from django.db import connection, transaction


@dataclass(frozen=True)
class Effect:
    """Column by column, how often each value stands in it afterwards; and the answer."""

    status: int
    #: None where it is another one each time.
    body: bytes | None
    columns: dict[tuple[str, str], Counter]


def effect(person, send):
    """What `send` does, undone again: rows and the cookies of `person` are as they were."""
    cookies = deepcopy(person.http.cookies)
    with transaction.atomic():
        answer = send()
        seen = Effect(answer.status_code, answer.content, now())
        transaction.set_rollback(True)
    person.http.cookies = cookies
    return seen


def effects(person, *sends):
    """The same request several times: what differs from one to the next is chance (keys, nonces, seals over them)."""
    first, *others = [effect(person, send) for send in sends]
    chance = {column for each in others for column in first.columns if first.columns[column] != each.columns[column]}
    body = first.body if all(each.body == first.body for each in others) else None
    return Effect(first.status, body, {column: seen for column, seen in first.columns.items() if column not in chance})


def same(expected, seen):
    """Whether `seen` did what was expected, wherever that is not chance."""
    differ = {column for column, values in expected.columns.items() if seen.columns[column] != values}
    assert not differ, differ
    return expected.status == seen.status and expected.body in (None, seen.body)


def now():
    """The columns as they are."""
    return dict(_columns())


def _columns():
    names = [name for name in connection.introspection.table_names() if name.startswith(("idp_", "recovery_"))]
    with connection.cursor() as cursor:
        for table in names:
            cursor.execute(f"SELECT * FROM {table}")
            columns = [column.name if hasattr(column, "name") else column[0] for column in cursor.description]
            rows = cursor.fetchall()
            for place, column in enumerate(columns):
                yield (table, column), Counter(repr(row[place]) for row in rows)

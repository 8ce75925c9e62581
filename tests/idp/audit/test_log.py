"""Reading the history of everybody: what is rare is found by its index, however often it is asked for."""

import pytest
from django.db import connection
from django.utils import timezone

from idp.audit import log
from idp.audit.log import Wanted
from idp.models import AuditEntry

pytestmark = pytest.mark.django_db
RARE, COMMON = "idp.role.granted", "idp.sign_in.ended"


def fill(count):
    entries = [
        AuditEntry(
            sequence=1000 + number,
            at=timezone.now(),
            name=RARE if number == 0 else COMMON,
            details={},
            origin={},
            previous_hash="",
            entry_hash="",
        )
        for number in range(count)
    ]
    AuditEntry.objects.bulk_create(entries)


@pytest.mark.parametrize("event", ["' OR 1 = 1 --", "%s", "idp.role.granted'", "IDP.ROLE.GRANTED", ""])
def test_a_name_that_no_event_has_finds_nothing_else(event):
    fill(3)
    assert list(log.entries(Wanted(event=event)).values_list("name", flat=True)) == (
        [] if event else [COMMON, COMMON, RARE]
    )


def test_an_event_is_found_by_its_name():
    fill(3)
    assert [row.name for row in log.entries(Wanted(event=RARE))] == [RARE]
    assert len(log.entries(Wanted(event=COMMON))) == 2


if connection.vendor == "postgresql":

    def test_the_plan_that_is_kept_reads_a_rare_event_from_its_index():
        fill(20_000)
        sql, parameters = log.entries(Wanted(event=RARE)).filter(sequence__lt=10**9)[:51].query.sql_with_params()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE idp_auditentry")
            cursor.execute("SET LOCAL plan_cache_mode = force_generic_plan")
            cursor.execute(f"PREPARE asked AS {sql % tuple(f'${n + 1}' for n in range(len(parameters)))}")
            cursor.execute(f"EXPLAIN EXECUTE asked({', '.join(map(repr, parameters))})")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            cursor.execute("DEALLOCATE asked")
        assert "idp_auditentry_event" in plan

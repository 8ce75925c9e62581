"""Everybody's list: complete, in order, a page at a time; and each page is a range of an index on either database."""

import pytest
from django.db import connection

from idp.accounts import directory
from idp.accounts.directory import Mark, read_mark
from idp.models import User
from tests.conftest import make_person


def people(*names, **fields):
    return [make_person(name, email=f"{name}@contoso.example", password=None, addresses=[], **fields) for name in names]


def walk(size=2, **what):
    """Everybody, page by page."""
    names, after, pages = [], None, 0
    while True:
        page = directory.page(after=after, size=size, **what)
        assert len(page.accounts) <= size
        names += [user.preferred_username for user in page.accounts]
        pages += 1
        assert pages < 100
        if page.following is None:
            return names
        after = read_mark(str(page.following))
        assert after == page.following


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_everybody_is_there_once_and_in_order(db, size):
    people("cleo", "ada", "Éva", "ben", "zoë", "陈伟", "Dora")
    assert walk(size) == ["ada", "ben", "cleo", "Dora", "zoë", "Éva", "陈伟"], "by the bytes of the user name"


@pytest.mark.parametrize("size", [1, 2, 3, 100])
@pytest.mark.parametrize(
    ("prefix", "found"),
    [
        ("", ["ada", "adam", "ben", "u-17"]),
        ("ad", ["ada", "adam", "u-17"]),
        ("AD", ["ada", "adam", "u-17"]),
        ("adam", ["adam", "u-17"]),
        ("adam.smith@", ["u-17"]),
        ("ada@contoso.example", ["ada"]),
        ("b", ["ben"]),
        ("da", []),
        ("x", []),
        ("%", []),
        ("a_a", []),
        ("a\x00", []),
        ("a" * 300, []),
    ],
)
def test_somebody_is_found_by_the_beginning_of_either(db, prefix, found, size):
    people("ada", "adam", "ben")
    make_person("u-17", email="adam.smith@contoso.example", password=None, addresses=[])
    assert walk(size, prefix=prefix) == found


def test_two_accounts_of_which_one_is_called_what_the_other_has_as_its_address(db):
    make_person("ada@contoso.example", email="x@contoso.example", password=None, addresses=[])
    make_person("b", email="ada@contoso.example", password=None, addresses=[])
    for size in (1, 2, 3):
        assert walk(size, prefix="ada@") == ["ada@contoso.example", "b"]


def test_deleted_accounts_are_shown_only_if_they_are_asked_for(db):
    people("ada")
    people("ben", status=User.Status.SUSPENDED)
    gone = people("cleo", status=User.Status.DELETED)
    assert walk() == ["ada", "ben"]
    assert walk(status=User.Status.SUSPENDED) == ["ben"]
    assert walk(status=User.Status.SUSPENDED, prefix="a") == []
    assert walk(status=User.Status.DELETED) == [user.preferred_username for user in gone]


def test_somebody_who_comes_meanwhile_shifts_nothing(db):
    people("ada", "cleo", "dora")
    page = directory.page(size=2)
    people("ben")
    assert [user.preferred_username for user in directory.page(size=2, after=page.following).accounts] == ["dora"]


def test_a_page_that_ended_with_somebody_who_is_gone_begins_anew(db):
    ada, _ben = people("ada", "ben")
    after = Mark(by=0, account=ada.pk)
    assert len(directory.page(size=2, after=after).accounts) == 1
    User.objects.filter(pk=ada.pk).delete()
    assert len(directory.page(size=2, after=after).accounts) == 1, "only ben is left, and he is there"


@pytest.mark.parametrize("text", ["", "name-", "email-xyz", "2-" + "a" * 32, "name-" + "g" * 32])
def test_what_is_no_mark_is_none(text):
    assert read_mark(text) is None


def test_no_address_stands_in_a_mark(db):
    ada = make_person("u-17", email="ada@contoso.example", password=None, addresses=[])
    make_person("u-18", email="adb@contoso.example", password=None, addresses=[])
    assert str(directory.page(prefix="ad", size=1).following) == f"email-{ada.pk.hex}"


# --- By an index ------------------------------------------------------------------------------------------


def plan(queryset):
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # A table of a few rows is read as a whole, whatever indexes there are.
            cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    return queryset.explain()


@pytest.mark.parametrize("by", list(directory._By))
def test_a_search_is_a_range_of_an_index_in_its_order(db, by):
    column = directory._COLUMNS[by]
    people("ada", "ben")
    said = plan(directory._found(by, "ad", None, ("ada", directory._By.NAME))[:26])
    if connection.vendor == "postgresql":
        assert "Sort" not in said
        condition = next(line for line in said.splitlines() if "Index Cond" in line)
        assert f"{column})::text >=" in condition or f"{column} >=" in condition
        assert "<" in condition
    else:
        assert "SCAN" not in said
        assert "TEMP B-TREE" not in said
        assert f"({column}>? AND {column}<?)" in said


@pytest.mark.parametrize("status", [None, User.Status.SUSPENDED])
def test_a_page_of_the_list_is_read_in_the_order_of_an_index(db, status):
    people("ada", "ben")
    said = plan(directory._found(directory._By.NAME, "", status, ("ada", directory._By.NAME))[:26])
    if connection.vendor == "postgresql":
        assert "Sort" not in said
        assert "Index Cond" in said
    else:
        assert "TEMP B-TREE" not in said
        assert "SEARCH" in said
    if status:
        assert "idp_user_by_status" in said


if connection.vendor == "postgresql":

    def test_postgresql_orders_the_keys_by_their_bytes(db):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT column_name, collation_name FROM information_schema.columns "
                "WHERE table_name = 'idp_user' AND column_name IN ('username_key', 'email_key') ORDER BY 1"
            )
            assert cursor.fetchall() == [("email_key", "C"), ("username_key", "C")]

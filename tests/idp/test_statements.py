"""The statements of the hot path are those that Django would have written, for the models as they are today."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from idp import statements
from idp.accounts import sessions
from idp.audit.events import Origin
from idp.conf import policy
from idp.models import AccessToken, Consent, Grant, SignIn
from idp.oidc import access_tokens, grants

pytestmark = pytest.mark.django_db


@pytest.fixture
def sign_in(jane):
    return sessions.begin(jane, amr=["pwd", "otp"], origin=Origin(), policy=policy(), now=timezone.now()).sign_in


@pytest.fixture
def grant(payroll, jane, sign_in):
    return Grant(
        client=payroll,
        user=jane,
        sign_in=sign_in,
        scope="openid é 中",
        sub=jane.sub,
        amr=["pwd", "otp"],
        claims={"userinfo": {"email": None}},
        redirect_uri="https://a.example/?100%",
        code_hash="a" * 64,
        code_expires_at=timezone.now() + timedelta(minutes=1),
    )


@pytest.fixture
def token(grant):
    grant.save(force_insert=True)
    return AccessToken(token_hash="b" * 64, grant=grant, scope="openid", resources=[], expires_at=timezone.now())


def said(act):
    """What the database was told while `act` ran."""
    with CaptureQueriesContext(connection) as captured:
        act()
    return [query["sql"] for query in captured.captured_queries if "SAVEPOINT" not in query["sql"]]


def columns(row):
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_session_is_found_by_the_words_of_a_query(sign_in):
    rows = SignIn.objects.select_related("user")
    ours = said(lambda: sessions._FIND(sign_in.key_hash))
    assert ours == said(lambda: list(rows.filter(key_hash=sign_in.key_hash)))
    found, expected = sessions._FIND(sign_in.key_hash), rows.get(key_hash=sign_in.key_hash)
    assert columns(found) == columns(expected)
    with CaptureQueriesContext(connection) as captured:
        assert columns(found.user) == columns(expected.user)
    assert not captured.captured_queries
    assert not found._state.adding


def test_an_access_token_is_found_by_the_words_of_a_query(token):
    token.save(force_insert=True)
    rows = AccessToken.objects.select_related("grant__user", "grant__client")
    ours = said(lambda: access_tokens._FIND(token.token_hash))
    assert ours == said(lambda: list(rows.filter(token_hash=token.token_hash)))
    found, expected = access_tokens._FIND(token.token_hash), rows.get(token_hash=token.token_hash)
    for part in (lambda row: row, lambda row: row.grant, lambda row: row.grant.user, lambda row: row.grant.client):
        assert columns(part(found)) == columns(part(expected))


def test_a_family_is_found_by_the_words_of_a_query(grant):
    grant.save(force_insert=True)
    rows = Grant.objects.select_related("user")
    assert said(lambda: grants._FIND(grant.pk)) == said(lambda: list(rows.filter(pk=grant.pk)))
    found, expected = grants._FIND(grant.pk), rows.get(pk=grant.pk)
    assert columns(found) == columns(expected)
    assert columns(found.user) == columns(expected.user)


def test_a_related_row_that_is_missing_is_none(token):
    token.grant.user = None
    token.grant.save()
    token.save(force_insert=True)
    assert access_tokens._FIND(token.token_hash).grant.user is None


def test_who_is_not_there_is_not_found(db):
    assert sessions._FIND("c" * 64) is None


@pytest.mark.parametrize("kind", ["grant", "token"])
def test_a_row_is_written_by_the_words_of_a_save(request, kind):
    row = request.getfixturevalue(kind)
    ours = said(lambda: statements.insert(row))
    again = type(row).objects.get(pk=row.pk)
    type(row).objects.filter(pk=row.pk).delete()
    assert ours == said(lambda: row.save(force_insert=True))
    assert columns(again) == columns(row)


def test_a_row_that_was_written_counts_as_kept(grant):
    statements.insert(grant)
    assert not grant._state.adding
    grant.nonce = "another"
    grant.save()
    assert Grant.objects.get(pk=grant.pk).nonce == "another"


def test_a_code_is_redeemed_once_and_gives_the_row_as_a_query_would(grant):
    statements.insert(grant)
    now = timezone.now()
    values = {
        "code_hash": grant.code_hash,
        "client": grant.client_id,
        "redirect_uri": grant.redirect_uri,
        "now": now,
        "active": "active",
    }
    assert grants._REDEEM(**values | {"client": uuid4()}) is None
    redeemed = grants._REDEEM(**values)
    assert redeemed.code_redeemed_at == now
    assert columns(redeemed) == columns(Grant.objects.get(pk=grant.pk))
    assert grants._REDEEM(**values) is None


def test_a_model_whose_key_the_database_makes_is_refused(db):
    with pytest.raises(TypeError, match="Consent"):
        statements.insert(Consent())

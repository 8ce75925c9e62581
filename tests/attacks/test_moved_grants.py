"""A grant whose row was edited by SQL: what was handed out for it before is a code, or a token, no more (DB-03)."""

import pytest

from idp.models import AccessToken, AuditEntry, ForgedRow, Grant
from idp.oidc import keys
from tests.conftest import make_person
from tests.idp.oidc.conftest import Browser

OFFLINE = "openid profile offline_access"


@pytest.fixture
def theirs(jane, payroll):
    """The attacker's browser, with an application of theirs that asks nobody for consent."""
    keys.forget()
    mallory = make_person("mallory", email="mallory@evil.example")
    browser = Browser()
    browser.sign_in(mallory)
    return browser


def make_it_hers(jane, **more):
    assert Grant.objects.update(user=jane, sub=jane.sub, **more) == 1


def assert_it_is_seen(jane):
    grant = Grant.objects.get()
    assert (grant.ended_by, grant.ended_at is not None) == ("forged", True)
    entry = AuditEntry.objects.get(name="idp.credential.seal_invalid")
    assert (entry.user, entry.details) == (jane.pk, {"table": "grant", "row": str(grant.pk)})
    assert ForgedRow.objects.get().table == "grant"


def test_a_code_that_was_made_hers_is_none(theirs, jane):
    code = theirs.code()
    make_it_hers(jane)
    assert theirs.redeem(code).json()["error"] == "invalid_grant"
    assert not AccessToken.objects.exists()
    assert_it_is_seen(jane)


def test_a_refresh_token_that_was_made_hers_is_none(theirs, jane):
    tokens = theirs.tokens(scope=OFFLINE)
    make_it_hers(jane)
    assert theirs.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert_it_is_seen(jane)


@pytest.mark.parametrize("format_", ["opaque", "jwt"])
def test_an_access_token_that_was_made_hers_is_none(theirs, jane, payroll, format_):
    if format_ == "jwt":
        payroll.access_token_format = "jwt"
        payroll.save()
    tokens = theirs.redeem(theirs.code()).json()
    assert theirs.userinfo(tokens["access_token"]).status_code == 200
    make_it_hers(jane)
    assert theirs.userinfo(tokens["access_token"]).status_code == 401
    assert_it_is_seen(jane)


def test_an_access_token_that_was_moved_to_a_grant_of_hers_is_none(theirs, jane):
    hers = Browser()
    hers.sign_in(jane)
    hers.redeem(hers.code())
    of_hers = Grant.objects.get()
    token = theirs.redeem(theirs.code()).json()["access_token"]
    AccessToken.objects.exclude(grant=of_hers).update(grant=of_hers)
    assert theirs.userinfo(token).status_code == 401
    assert Grant.objects.get(pk=of_hers.pk).ended_by == "forged"


def test_a_code_that_was_put_into_a_grant_of_hers_is_none(theirs, jane):
    code = theirs.code()
    held = Grant.objects.get().code_hash
    Grant.objects.all().delete()
    hers = Browser()
    hers.sign_in(jane)
    hers.code()
    Grant.objects.update(code_hash=held)
    assert theirs.redeem(code).json()["error"] == "invalid_grant"
    assert_it_is_seen(jane)


@pytest.mark.parametrize(
    "changes", [{"scope": OFFLINE}, {"acr": "phr"}, {"amr": ["pop", "user", "mfa"]}, {"auth_time": None}]
)
def test_a_grant_that_was_made_wider_or_stronger_is_none(theirs, changes):
    code = theirs.code()
    Grant.objects.update(**changes)
    assert theirs.redeem(code).json()["error"] == "invalid_grant"


def test_a_token_that_was_made_wider_is_none(theirs):
    token = theirs.redeem(theirs.code(scope="openid")).json()["access_token"]
    AccessToken.objects.update(scope="openid profile email")
    assert theirs.userinfo(token).status_code == 401


def test_left_alone_they_are_good(theirs):
    tokens = theirs.tokens(scope=OFFLINE)
    assert theirs.userinfo(tokens["access_token"]).status_code == 200
    following = theirs.refresh(tokens["refresh_token"])
    assert following.status_code == 200
    assert theirs.userinfo(following.json()["access_token"]).status_code == 200

"""Resource indicators (RFC 8707) in authorization requests."""

import pytest

from idp.models import Grant
from tests.idp.oidc.conftest import answer
from tests.idp.oidc.pushing import bring, push, pushed
from tests.idp.oidc.test_continue import parked, resume, sign_in_for

PAYMENTS, REPORTS = "https://api.contoso.example/payments", "urn:contoso:reports"


@pytest.fixture
def asking(signed_in, payroll):
    payroll.resources = [PAYMENTS, REPORTS]
    payroll.save()
    return signed_in


GOOD = [
    (None, []),
    ("", []),
    (PAYMENTS, [PAYMENTS]),
    ([PAYMENTS, REPORTS], [PAYMENTS, REPORTS]),
    ([REPORTS, REPORTS], [REPORTS]),
]


@pytest.mark.parametrize(("resource", "kept"), GOOD)
def test_registered_resources_are_kept_with_the_grant(asking, resource, kept):
    assert asking.code(resource=resource)
    assert Grant.objects.get().resources == kept


def test_they_wait_with_the_request(asking, jane):
    _page, waiting = parked(asking.authorize(resource=[PAYMENTS, REPORTS], prompt="login"))
    sign_in_for(asking, waiting, jane)
    assert answer(resume(asking, waiting))["code"]
    assert Grant.objects.get().resources == [PAYMENTS, REPORTS]


def test_they_may_be_pushed(asking):
    answer(bring(asking, pushed(asking, resource=[PAYMENTS, REPORTS])))
    assert Grant.objects.get().resources == [PAYMENTS, REPORTS]


BAD = [
    "https://api.contoso.example/other",
    f"{PAYMENTS}/",
    f"{PAYMENTS}#fragment",
    f"{PAYMENTS}#",
    f"{PAYMENTS}?query",
    "HTTPS://api.contoso.example/payments",
    "/payments",
    "payments",
    "https://",
    "https://[",
    [PAYMENTS, "https://evil.example/"],
    "<script>",
]


@pytest.mark.parametrize("resource", BAD, ids=[str(each) for each in BAD])
def test_anything_else_is_no_target(asking, resource):
    assert answer(asking.authorize(resource=resource))["error"] == "invalid_target"
    response = push(asking, resource=resource)
    assert (response.status_code, response.json()["error"]) == (400, "invalid_target")
    assert "evil" not in response.content.decode()
    assert not Grant.objects.exists()


def test_a_fragment_is_never_a_target_though_somebody_registered_it(asking, payroll):
    payroll.resources = [f"{PAYMENTS}#fragment", "relative"]
    payroll.save()
    for resource in payroll.resources:
        assert answer(asking.authorize(resource=resource))["error"] == "invalid_target"

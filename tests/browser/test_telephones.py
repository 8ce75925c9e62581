"""A telephone in a real browser: added by a text, seen to be out of reach, tested; in a Regain that sends texts."""

import re

import pytest
import requests

from tests.browser.conftest import lacking
from tests.browser.screen import sign_in
from tests.faults.providers import service
from tests.processes import PASSWORD, running
from tests.servers import Missing, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.processes]

SECRET = "the secret of receipts, which is long and random"


@pytest.fixture(scope="module")
def gateway():
    """A gateway for text messages that takes everything."""
    with service(body=lambda number: {"id": f"message-{number}"}) as server:
        yield server


@pytest.fixture(scope="module")
def regain(tmp_path_factory, gateway):
    variables = {
        "SMS_URL": f"json://127.0.0.1:{gateway.port}/",
        "SMS_COUNTRIES": "FR",
        "RECEIPTS_SECRET": SECRET,
    }
    try:
        with running(tmp_path_factory.mktemp("texting"), **variables) as whole:
            yield whole
    except Missing as missing:
        lacking(str(missing))


def code_from(gateway, words):
    """The code of the text that says `words`, once it has come."""

    def found():
        return [text for text in gateway.texts if words in text]

    wait_until(lambda: bool(found()), f"a text that says {words!r}", seconds=20)
    return re.search(r"\b\d{4} \d{4}\b", found()[-1])[0]


def test_a_telephone_is_added_and_mended(screen, regain, gateway):
    page = screen.page
    page.goto(f"{regain.issuer}/sign-in")
    sign_in(screen, regain.somebody(), PASSWORD, "account")
    page.goto(f"{regain.issuer}/account/security/")
    screen.look("security")
    screen.press("#add-phone", "account-address-add")
    screen.look("add")
    page.fill("#address", "+33 1 42 68 53 00")
    screen.press("#continue", "account-address-add")
    assert page.evaluate("document.activeElement.getAttribute('role')") == "alert"
    screen.look("add-wrong")
    page.fill("#address", "06 12 34 56 42")
    page.fill("#name", "my phone")
    screen.press("#continue", "account-address-code")
    code = code_from(gateway, "to add this phone")
    page.wait_for_selector("[data-delivery=sent]")
    screen.look("code")
    page.fill("#code", code)
    screen.press("#continue", "account-security")
    assert "•••• 42" in page.inner_text("body")
    screen.look("added")

    screen.press("text=Change >> nth=1", "account-address")
    screen.look("address")
    screen.press("#test", "account-address-code")
    code = code_from(gateway, "test code")
    unreachable = {"id": f"message-{len(gateway.asked)}", "status": "failed", "permanent": True}
    waiting = page.url

    def is_marked():
        """Told again and again, as a provider does: the worker may still be writing down what it handed over."""
        bearer = {"Authorization": f"Bearer {SECRET}"}
        told = requests.post(f"{regain.issuer}/receipts/json", json=unreachable, headers=bearer, timeout=10)
        assert told.status_code == 204
        page.goto(f"{regain.issuer}/account/security/")
        return page.locator("[data-marked]").count() == 1

    wait_until(is_marked, "the mark", seconds=10)
    screen.look("security-marked")
    screen.press("text=Change >> nth=1", "account-address")
    screen.look("address-marked")
    for language in ("fr", "zh-hans"):
        for name, url in (("security", f"{regain.issuer}/account/security/"), ("address", page.url.partition("?")[0])):
            page.goto(f"{url}?lang={language}")
            screen.look(f"{name}-marked-{language}", album=("light",), sizes=("phone",))
        page.goto(f"{regain.issuer}/account/addresses/add/phone/?lang={language}")
        screen.look(f"add-{language}", album=("light",), sizes=("phone",))
    page.goto(f"{waiting}?lang=en")
    page.fill("#code", code)
    screen.press("#continue", "account-security")
    assert page.locator("[data-marked]").count() == 0

"""Being asked at sign-in for another way back, in a real browser; at a provider with the settings that ship."""

import pytest

from tests.browser.conftest import lacking
from tests.browser.screen import sign_in
from tests.browser.test_second_factors import app_of
from tests.browser.visitor import code_in, mail_to
from tests.processes import PASSWORD, Regain, running
from tests.servers import Missing

pytestmark = [pytest.mark.browser, pytest.mark.processes]

PAGE = "register-way-back"


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Regain:
    """The others ask nobody (tests/settings_processes.py)."""
    try:
        with running(tmp_path_factory.mktemp("shipped"), DJANGO_SETTINGS_MODULE="config.settings") as whole:
            yield whole
    except Missing as missing:
        lacking(str(missing))


def at_the_question(screen, shipped):
    """Somebody with one address, who comes from Payroll and has signed in."""
    person = shipped.somebody()
    screen.page.goto(shipped.application)
    screen.press("#sign-in", "sign-in")
    sign_in(screen, person, PASSWORD, PAGE)
    return person


def test_adding_an_app_leads_to_the_application(screen, shipped):
    at_the_question(screen, shipped)
    screen.look("asked")
    screen.press("button[name=way][value=totp]", "factors-totp")
    screen.look("adding-an-app")
    screen.page.fill("#otp", app_of(screen).code())
    screen.press("#save", "consent")
    screen.press("#allow", "payroll-home")


def test_putting_it_off_until_it_cannot_be(screen, shipped):
    person = at_the_question(screen, shipped)
    screen.press("#not-now", "consent")
    screen.press("#allow", "payroll-home")
    for _time in range(2):
        screen.context.clear_cookies()
        screen.page.goto(shipped.application)
        screen.press("#sign-in", "sign-in")
        sign_in(screen, person, PASSWORD, PAGE)
        # Nothing is left to ask, so the form ends at the application at once (P-28).
        screen.press("#not-now", "payroll-home")
    screen.context.clear_cookies()
    screen.page.goto(shipped.application)
    screen.press("#sign-in", "sign-in")
    sign_in(screen, person, PASSWORD, PAGE)
    assert screen.page.locator("#not-now").count() == 0
    screen.look("no-more")


def test_without_scripts(screen, shipped):
    at_the_question(screen, shipped)
    screen.look("asked")
    screen.press("#not-now", "consent")


def test_an_address_that_came_back(screen, shipped):
    person = shipped.somebody()
    shipped.change(
        "INSERT INTO idp_addressmark (address_id, fault, provider, since)"
        " SELECT a.id, 'bounced', 'smtp', CURRENT_TIMESTAMP FROM idp_recoveryaddress a"
        " JOIN idp_user u ON u.id = a.user_id WHERE u.preferred_username = %s",
        person.username,
    )
    screen.page.goto(shipped.application)
    screen.press("#sign-in", "sign-in")
    sign_in(screen, person, PASSWORD, PAGE)
    screen.look("came-back")
    screen.press("a[hreflang=fr]", PAGE)
    screen.look("came-back-in-french", album=("light",), sizes=("phone",))
    screen.press("a[hreflang=zh-Hans]", PAGE)
    screen.look("came-back-in-chinese", album=("light",), sizes=("phone",))
    screen.press("a[hreflang=en]", PAGE)
    screen.press("button[name=test]", "account-address-code")
    screen.page.fill("#code", code_in(mail_to(shipped, person)))
    screen.press("#continue", PAGE)
    screen.press("#not-now", "consent")
    screen.press("#allow", "payroll-home")

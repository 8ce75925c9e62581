"""A task in front of a recovery while very many begin, in a real browser; at a provider with the settings that ship."""

import pytest

from tests.browser.conftest import lacking
from tests.browser.visitor import Visitor
from tests.processes import Regain, running
from tests.servers import Missing

pytestmark = [pytest.mark.browser, pytest.mark.processes]

FIRST = "/recovery/"


@pytest.fixture(scope="module")
def crowded(tmp_path_factory) -> Regain:
    """As many have begun from this network as may without a task."""
    try:
        with running(tmp_path_factory.mktemp("crowded"), DJANGO_SETTINGS_MODULE="config.settings") as whole:
            for number in range(21):
                visitor = Visitor(whole)
                visitor.open(FIRST)
                visitor.submit(identifier=f"nobody-{number}")
            yield whole
    except Missing as missing:
        lacking(str(missing))


def ask(screen, crowded):
    screen.expected = {200, 429}
    screen.page.goto(f"{crowded.issuer}{FIRST}")
    screen.page.fill("#identifier", "jane")


@pytest.mark.parametrize("theirs", ["/recovery/", "/recovery/username/"])
def test_the_browser_does_it_and_goes_on_by_itself(screen, crowded, theirs):
    screen.expected = {200, 429}
    screen.page.goto(f"{crowded.issuer}{theirs}")
    screen.page.fill("#identifier, #address", "jane@contoso.example")
    with screen.page.expect_response(lambda answer: answer.status == 429):
        screen.page.click("#continue")
    screen.at("recovery-problem" if theirs == FIRST else "recovery-username-sent")


def test_while_it_works(screen, crowded):
    """As somebody sees it whose browser takes long."""
    screen.page.add_init_script("crypto.subtle.deriveBits = () => new Promise(() => {})")
    ask(screen, crowded)
    screen.press("#continue", "recovery-work")
    screen.page.wait_for_selector("[data-working]:not([hidden])")
    assert screen.page.locator("#continue").is_hidden()
    screen.look("working")


def test_a_browser_that_cannot_waits_like_one_without_scripts(screen, crowded):
    screen.page.add_init_script("crypto.subtle.deriveBits = () => Promise.reject(new Error('not here'))")
    ask(screen, crowded)
    screen.press("#continue", "recovery-work")
    screen.page.wait_for_selector("#continue:visible")
    assert screen.page.locator("[data-waiting]").is_visible()


def test_without_scripts(screen, crowded):
    ask(screen, crowded)
    screen.press("#continue", "recovery-work")
    assert "Please wait" in screen.page.inner_text("main")
    screen.look("waiting")

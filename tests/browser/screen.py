"""A page in Chromium, as somebody sees it, and what must hold of every page they see."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from tests.processes import ROOT, Inhabitant
from tests.servers import Missing

SCREENSHOTS = ROOT / "build" / "screenshots"
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
NARROWEST = {"width": 320, "height": 800}
SIZES = {"phone": PHONE, "desktop": DESKTOP}
THEMES = ("light", "dark")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC = "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"
ARGUMENTS = [
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"),
    *("--disable-component-update", "--disable-sync"),
]
#: Targets of WCAG 2.2 are the one rule that has to be asked for. What is well need not be described.
RULES = {"rules": {"target-size": {"enabled": True}}, "resultTypes": ["violations"]}
#: Which elements stick out, for a message somebody can act on.
STICKING_OUT = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [`${document.documentElement.scrollWidth} px`, ...[...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5)
    .map((each) => each.outerHTML.slice(0, 120))]"""
#: What has the focus, and whether that can be seen.
FOCUS = """() => {
  const has = document.activeElement;
  const style = getComputedStyle(has);
  const ring = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return {what: has.outerHTML.slice(0, 120), seen: has === document.body || ring || style.boxShadow !== "none"};
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium. While it runs, nothing in this thread may use Django's database."""
    program = next(filter(None, map(shutil.which, NAMES)), MAC)
    if not os.path.exists(program):  # noqa: PTH110 -- a name is all there is
        raise Missing("no Chromium found on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


class Screen:
    """One window of a browser of its own. What goes wrong in it is collected, and said by `look`."""

    def __init__(self, browser: Browser, album: str, *, scripts: bool = True) -> None:
        self.context: BrowserContext = browser.new_context(
            java_script_enabled=scripts,
            viewport=PHONE,
            locale="en-GB",
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self._faults.append(f"script: {error}"))
        self._faults: list[str] = []
        self._album = album
        self._scripts = scripts
        self._looks = 0
        #: Statuses a page may have without its being a fault.
        self.expected = {200}

    def close(self) -> None:
        self.context.close()

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type not in {"error", "warning"}:
            return
        expected = any(f"the server responded with a status of {status} " in message.text for status in self.expected)
        if not expected:
            self._faults.append(f"console: {message.text} ({self.page.url})")

    @property
    def name(self) -> str:
        """Which page this is."""
        return self.page.locator("body").get_attribute("data-page") or ""

    def at(self, name: str) -> None:
        """Wait until the page of this name is there."""
        self.page.wait_for_selector(f"body[data-page={name}]")

    def press(self, selector: str, then: str) -> None:
        """Press it, and wait for the page it leads to."""
        self.page.click(selector)
        self.at(then)

    def look(self, name: str, *, album: tuple[str, ...] = THEMES, sizes: tuple[str, ...] = tuple(SIZES)) -> None:
        """Photograph the page, and see that it is accessible, narrow enough and quiet."""
        self._looks += 1
        faults = self._faults
        for theme in album:
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for size in sizes:
                self.page.set_viewport_size(SIZES[size])
                self.page.screenshot(path=self._picture(f"{name}-{size}-{theme}"), full_page=True)
            if self._scripts:  # axe is one
                faults += [f"{theme}: {each}" for each in violations(self.page)]
        self.page.set_viewport_size(NARROWEST)
        faults += [f"at 320 px: {each}" for each in self.page.evaluate(STICKING_OUT)]
        self.page.set_viewport_size(PHONE)
        self.page.emulate_media(color_scheme="light", reduced_motion="reduce")
        assert not faults, f"{name}:\n" + "\n".join(faults)

    def _picture(self, name: str) -> Path:
        return SCREENSHOTS / self._album / f"{self._looks:02}-{name}.png"

    # --- By keyboard alone ----------------------------------------------------------------------------------

    def tab_to(self, selector: str) -> None:
        """Press Tab until it has the focus; the focus can be seen all the way."""
        for _stop in range(30):
            self.page.keyboard.press("Tab")
            focus = self.page.evaluate(FOCUS)
            assert focus["seen"], f"nobody sees that this has the focus: {focus['what']}"
            if self.page.evaluate("(wanted) => document.activeElement.matches(wanted)", selector):
                return
        raise AssertionError(f"Tab does not lead to {selector}")

    def type_into(self, selector: str, text: str) -> None:
        self.tab_to(selector)
        self.page.keyboard.type(text)

    def enter(self, then: str) -> None:
        """Press Enter, and wait for the page it leads to."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.at(then)


def violations(page: Page) -> list[str]:
    """What axe objects to: the rule, and where."""
    found = Axe().run(page, options=RULES).response["violations"]
    return [
        f"axe {rule['id']} ({rule['help']}): {node['html'][:160]} {node.get('failureSummary', '')[:300]}"
        for rule in found
        for node in rule["nodes"]
    ]


# --- Stretches of the way -------------------------------------------------------------------------------


def walk_to_the_code_page(screen: Screen, person: Inhabitant) -> None:
    """From the sign-in page to the page that waits for the code."""
    screen.press("#cant-access", "recovery-identify")
    screen.page.fill("#identifier", person.username)
    screen.press("#continue", "recovery-problem")
    screen.press("button[name=problem][value=forgot]", "recovery-method")
    screen.press("button[name=method][value=email]", "recovery-address")
    screen.page.fill("#address", person.email)
    screen.press("#continue", "recovery-code")


def walk_on_with_the_code(screen: Screen, code: str, password: str) -> None:
    """From the code page to the end of recovery."""
    screen.page.fill("#code", code)
    screen.press("#continue", "recovery-new-password")
    screen.page.fill("#new-password", password)
    screen.press("#save-password", "recovery-done")


def sign_in(screen: Screen, person: Inhabitant, password: str, then: str) -> None:
    screen.page.fill("#username", person.username)
    screen.page.fill("#password", password)
    screen.press("#sign-in", then)

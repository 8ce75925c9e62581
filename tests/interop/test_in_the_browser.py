"""oidc-client-ts in a real Chromium: a public application without a server, across origins."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from tests.browser.screen import chromium
from tests.interop import peers
from tests.interop.applications import EXPRESS_BY_FORM
from tests.interop.conftest import lacking
from tests.interop.person import changed
from tests.processes import PASSWORD, Regain, register
from tests.servers import Missing, free_port

pytestmark = [pytest.mark.interop, pytest.mark.browser, pytest.mark.processes]

PAGES = peers.CLIENTS / "oidc_client_ts"
LIBRARY = peers.NODE_MODULES / "oidc-client-ts" / "dist" / "browser" / "oidc-client-ts.min.js"


class Static(SimpleHTTPRequestHandler):
    """Files as they are; every other address is the page, as such applications want it."""

    def __init__(self, *args, settings: dict[str, Any], **kwargs) -> None:
        self.settings = settings
        super().__init__(*args, directory=str(PAGES), **kwargs)

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/settings.json":
            self.answer(json.dumps(self.settings).encode(), "application/json")
        elif path == "/oidc-client-ts.min.js":
            self.answer(LIBRARY.read_bytes(), "text/javascript")
        elif (PAGES / path.lstrip("/")).is_file():
            super().do_GET()
        else:
            self.answer((PAGES / "index.html").read_bytes(), "text/html; charset=utf-8")

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args) -> None:
        """Nobody reads it."""


@contextmanager
def served(regain: Regain, *, dpop: bool) -> Iterator[str]:
    here = f"http://127.0.0.1:{(port := free_port())}"
    metadata = {
        "client_name": "In the browser",
        "dpop_bound_access_tokens": dpop,
        "redirect_uris": [f"{here}/callback"],
        "post_logout_redirect_uris": [f"{here}/"],
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "none",
        "scope": peers.OFFLINE,
    }
    settings = {"issuer": regain.issuer, "client_id": register(regain, metadata)["client_id"], "dpop": dpop}
    server = ThreadingHTTPServer(("127.0.0.1", port), partial(Static, settings=settings))
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture(scope="module")
def applications(regain):
    """With plain tokens, and with bound ones. Both are registered before a browser comes from either."""
    try:
        peers.node("")()  # only for what comes from npm
        with served(regain, dpop=False) as plain, served(regain, dpop=True) as bound:
            yield {"bearer": plain, "dpop": bound}
    except Missing as missing:
        lacking(str(missing))


@pytest.fixture
def application(applications):
    return applications["bearer"]


@pytest.fixture(scope="module")
def browser():
    try:
        with chromium() as started:
            yield started
    except Missing as missing:
        lacking(str(missing))


@pytest.fixture
def page(browser):
    context = browser.new_context()
    context.set_default_timeout(15_000)
    yield context.new_page()
    context.close()


def sign_in(page, application, who):
    page.goto(application)
    at(page, "signed-out")
    page.click("#sign-in")
    type_password(page, who)


def type_password(page, who):
    page.fill("#username", who.username)
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    page.wait_for_selector("#allow, body[data-page=signed-in], body[data-page=refused]")
    if page.locator("#allow").count():
        page.click("#allow")


def at(page, name):
    page.wait_for_selector(f"body[data-page={name}]")
    return json.loads(page.inner_text("#told"))


@pytest.mark.parametrize("tokens", ["bearer", "dpop"])
def test_somebody_signs_in_refreshes_and_signs_out(page, applications, tokens, who, regain):
    application = applications[tokens]
    sign_in(page, application, who)
    told = at(page, "signed-in")
    ((sub,),) = regain.rows("SELECT sub FROM idp_user WHERE preferred_username = %s", who.username)
    assert (told["claims"]["sub"], told["claims"]["email"]) == (sub, who.email)
    for _twice in range(2):
        page.evaluate("document.body.dataset.page = 'waiting'")
        page.click("#refresh")
        told = at(page, "signed-in")
        assert (told["renewals"], told["claims"]["email"]) == (1, who.email)
    page.click("#sign-out")
    assert at(page, "signed-out") == {"claims": None}
    assert page.url.startswith(application)
    page.goto(f"{regain.issuer}/account/")
    assert page.get_attribute("body", "data-page") == "sign-in"


@pytest.mark.parametrize(
    ("parameter", "why"),
    [("nonce", "nonce in id_token does not match nonce in client storage"), ("code_challenge", "invalid_grant")],
)
def test_a_request_that_somebody_changed_on_the_way_ends_in_a_refusal(page, application, who, regain, parameter, why):
    def change(route):
        route.continue_(url=changed(route.request.url, **{parameter: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}))

    page.route(f"{regain.issuer}/authorize?*", change)
    sign_in(page, application, who)
    assert at(page, "refused") == {"error": why}


@pytest.mark.parametrize("parameter", ["state", "iss"])
def test_an_answer_that_somebody_changed_is_refused(page, application, who, parameter):
    page.add_init_script(
        f"""if (location.pathname === "/callback") {{
          const answer = new URLSearchParams(location.search);
          answer.set("{parameter}", "https://attacker.example");
          history.replaceState(null, "", `?${{answer}}`);
        }}""",
    )
    sign_in(page, application, who)
    assert "claims" not in at(page, "refused")


@pytest.mark.parametrize("scripts", [True, False])
def test_an_answer_goes_over_as_a_form(browser, start, who, scripts):
    """By a script that presses the button, or by the person; the page's CSP lets it go to this application."""
    express = start(EXPRESS_BY_FORM)
    context = browser.new_context(java_script_enabled=scripts)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.goto(express.url("/login"))
    page.fill("#username", who.username)
    page.fill("#password", PASSWORD)
    page.click("#sign-in")
    page.wait_for_selector("#allow, #continue, pre")
    if page.locator("#allow").count():
        page.click("#allow")
    if not scripts:
        page.click("#continue")
    page.wait_for_url(f"{express.here}/")
    assert json.loads(page.inner_text("pre"))["userinfo"]["email"] == who.email
    context.close()

"""Payroll, the application that others learn from, against a provider that lies.

What an honest provider never sends is what an application has to refuse: the provider here signs whatever it is told
to. tests/browser walks through Payroll with the real one.
"""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from examples.relying_party import app as payroll

pytestmark = [pytest.mark.once]

CLIENT = "payroll"
KEY = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
FOREIGN = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)


class LyingProvider(ThreadingHTTPServer):
    """As honest as the members below leave it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.here = f"http://127.0.0.1:{self.server_address[1]}"
        self.issuer = self.here
        self.asked: dict[str, str] = {}
        self.redeemed: list[dict[str, str]] = []
        self.claims: dict[str, object] = {}
        self.signed_with = KEY
        self.userinfo = {"sub": "a-person", "name": "Jane Doe"}

    def document(self, path: str) -> object:
        match path:
            case "/.well-known/openid-configuration":
                places = {"authorization": "authorize", "token": "token", "userinfo": "userinfo", "end_session": "out"}
                return {
                    "issuer": self.issuer,
                    "jwks_uri": f"{self.here}/jwks",
                    "id_token_signing_alg_values_supported": ["ES256"],
                    **{f"{name}_endpoint": f"{self.here}/{place}" for name, place in places.items()},
                }
            case "/jwks":
                return {"keys": [KEY.as_dict(private=False)]}
            case "/userinfo":
                return self.userinfo
            case "/token":
                return {
                    "access_token": "opaque",
                    "token_type": "Bearer",
                    "expires_in": 600,
                    "id_token": self.id_token(),
                }
        raise AssertionError(path)

    def id_token(self) -> str:
        now = int(time.time())
        told = {"iss": self.issuer, "aud": CLIENT, "sub": "a-person", "iat": now, "exp": now + 60}
        told |= {"nonce": self.asked["nonce"], **self.claims}
        return jwt.encode({"alg": "ES256", "kid": KEY.kid}, told, self.signed_with)


class _Answers(BaseHTTPRequestHandler):
    server: LyingProvider

    def do_GET(self) -> None:
        body = json.dumps(self.server.document(self.path)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.redeemed.append({name: values[0] for name, values in parse_qs(sent).items()})
        self.do_GET()

    def log_message(self, *_arguments: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with LyingProvider() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def application(provider):
    payroll.oauth._clients.clear()  # it remembers the provider of the test before
    payroll.people.clear()
    return payroll.create_app(issuer=provider.here, client_id=CLIENT, client_secret="x", base_url="http://localhost")


@pytest.fixture
def browser(application):
    return application.test_client()


def begin(browser, provider) -> None:
    """Choose "Sign in"; the provider sees the request."""
    response = browser.get("/sign-in")
    assert response.status_code == 302, response.text
    provider.asked = {name: values[0] for name, values in parse_qs(urlsplit(response.location).query).items()}


def answer(browser, provider, **changes):
    """Come back from the provider."""
    said = {"code": "a code", "state": provider.asked["state"], "iss": provider.here, **changes}
    return browser.get("/callback", query_string={name: value for name, value in said.items() if value is not None})


def assert_refused(response) -> None:
    assert response.status_code == 400
    assert not payroll.people


def test_an_honest_answer_signs_somebody_in(browser, provider):
    begin(browser, provider)
    assert answer(browser, provider).status_code == 302
    assert [person.claims["sub"] for person in payroll.people.values()] == ["a-person"]
    assert "Jane Doe" in browser.get("/").text


def test_what_binds_an_answer_to_its_browser_is_new_each_time(browser, provider):
    """ASVS 10.1.2: state, nonce and verifier belong to one request, and nobody guesses them."""
    seen = []
    for _again in range(3):
        begin(browser, provider)
        answer(browser, provider)
        verifier = provider.redeemed[-1]["code_verifier"]
        hashed = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        assert (provider.asked["code_challenge_method"], provider.asked["code_challenge"]) == ("S256", hashed)
        seen += [provider.asked["state"], provider.asked["nonce"], verifier]
    assert len(set(seen)) == len(seen)
    assert min(map(len, seen)) >= 20, "letters and digits: more than a hundred bits"


@pytest.mark.parametrize("state", ["x" * 30, "", None])
def test_an_answer_with_another_state_is_refused(browser, provider, state):
    begin(browser, provider)
    assert_refused(answer(browser, provider, state=state))
    assert not provider.redeemed


def test_an_answer_in_another_browser_is_refused(application, browser, provider):
    begin(browser, provider)
    assert_refused(answer(application.test_client(), provider))
    assert not provider.redeemed


@pytest.mark.parametrize("iss", ["https://attacker.example", "", None])
def test_an_answer_of_another_provider_is_refused_before_its_code_is_sent_anywhere(browser, provider, iss):
    begin(browser, provider)
    assert_refused(answer(browser, provider, iss=iss))
    assert not provider.redeemed


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of somebody else"},
        {"nonce": None},
        {"aud": "another application"},
        {"aud": None},
        {"iss": "https://attacker.example"},
        {"exp": 1_000_000_000},
        {"sub": None},
    ],
    ids=str,
)
def test_an_id_token_with_one_thing_wrong_is_refused(browser, provider, claims):
    begin(browser, provider)
    provider.claims = claims
    assert_refused(answer(browser, provider))


def test_an_id_token_of_another_key_is_refused(browser, provider):
    begin(browser, provider)
    provider.signed_with = FOREIGN
    assert_refused(answer(browser, provider))


def test_userinfo_of_somebody_else_is_refused(browser, provider):
    begin(browser, provider)
    provider.userinfo = {"sub": "somebody-else"}
    assert_refused(answer(browser, provider))


@pytest.mark.parametrize("issuer", ["https://attacker.example", "{here}/", "{here}/elsewhere"])
def test_a_document_that_names_another_issuer_is_refused(browser, provider, issuer):
    provider.issuer = issuer.format(here=provider.here)
    response = browser.get("/sign-in")
    assert response.status_code == 400
    assert "issuer_mismatch" in response.text


def test_tokens_stay_on_the_server(browser, provider):
    """ASVS 10.1.1: a browser holds a random name, no token."""
    begin(browser, provider)
    answer(browser, provider)
    shown = browser.get("/")
    held = " ".join((*shown.headers.values(), shown.text, str(browser.get_cookie("payroll"))))
    (person,) = payroll.people.values()
    assert person.token["id_token"] not in held
    assert person.token["access_token"] not in held

"""What is measured: each flow from its first request to its last answer, checked at every step."""

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from bench.browser import Answer, Browser, WrongError

CALLBACK = "http://127.0.0.1:9/callback"
VERIFIER = "a-verifier-of-43-characters-or-more-as-RFC-7636-wants-it"
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()

#: One turn of a flow; it raises if anything is not as it should be.
Turn = Callable[[], None]


@dataclass(frozen=True, kw_only=True)
class Application:
    client_id: str
    client_secret: str

    @property
    def basic(self) -> str:
        pair = f"{quote(self.client_id, safe='')}:{quote(self.client_secret, safe='')}"
        return "Basic " + b64encode(pair.encode()).decode()


@dataclass(frozen=True, kw_only=True)
class Provider:
    """Where a provider has what, and who can use it."""

    name: str
    base: str
    #: Signs people in; and the same with refresh tokens; and one that acts for itself.
    web: Application
    offline: Application
    machine: Application
    discovery: str
    authorize: str
    token: str
    userinfo: str
    introspect: str
    people: tuple[tuple[str, str], ...]
    offline_scope: str = "openid profile"
    machine_fields: dict[str, str] = field(default_factory=dict)
    #: The names of the fields on its sign-in page.
    username_field: str = "username"
    password_field: str = "password"


def _request(provider: Provider, application: Application, scope: str) -> str:
    asked = {
        "client_id": application.client_id,
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": scope,
        "state": "a-state",
        "nonce": "a-nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return f"{provider.authorize}?{urlencode(asked)}"


def _tokens(answer: Answer) -> dict[str, Any]:
    if answer.status != HTTPStatus.OK:
        raise WrongError(f"{answer.status} at {answer.url}: {answer.text[:300]}")
    return json.loads(answer.body)


def _redeem(provider: Provider, browser: Browser, application: Application, landed: Answer) -> dict[str, Any]:
    code = parse_qs(urlsplit(landed.location).query).get("code")
    if not code:
        raise WrongError(f"no code: {landed.status} {landed.location or landed.text[:300]}")
    fields = {
        "grant_type": "authorization_code",
        "code": code[0],
        "redirect_uri": CALLBACK,
        "code_verifier": VERIFIER,
    }
    tokens = _tokens(browser.post(provider.token, fields, Authorization=application.basic))
    if not tokens.get("id_token") or not tokens.get("access_token"):
        raise WrongError(f"tokens are missing: {sorted(tokens)}")
    return tokens


def _sign_in(
    provider: Provider,
    application: Application,
    person: tuple[str, str],
    scope: str,
) -> tuple[Browser, dict[str, Any]]:
    browser = Browser(provider.base)
    page = browser.follow(browser.get(_request(provider, application, scope)), until=CALLBACK)
    typed = {provider.username_field: person[0], provider.password_field: person[1]}
    landed = browser.follow(browser.fill_in(page, **typed), until=CALLBACK)
    return browser, _redeem(provider, Browser(provider.base), application, landed)


# --- The flows --------------------------------------------------------------------------------------------


def discovery(provider: Provider, _number: int) -> Turn:
    browser = Browser(provider.base)

    def turn() -> None:
        if b'"token_endpoint"' not in browser.get(provider.discovery).body:
            raise WrongError("no discovery document")

    return turn


def client_credentials(provider: Provider, _number: int) -> Turn:
    browser = Browser(provider.base)
    fields = {"grant_type": "client_credentials", **provider.machine_fields}

    def turn() -> None:
        if not _tokens(browser.post(provider.token, fields, Authorization=provider.machine.basic))["access_token"]:
            raise WrongError("no token")

    return turn


def refresh(provider: Provider, number: int) -> Turn:
    _browser, tokens = _sign_in(provider, provider.offline, _person(provider, number), provider.offline_scope)
    browser = Browser(provider.base)
    held = [tokens["refresh_token"]]

    def turn() -> None:
        fields = {"grant_type": "refresh_token", "refresh_token": held[0]}
        fresh = _tokens(browser.post(provider.token, fields, Authorization=provider.offline.basic))
        if fresh["refresh_token"] == held[0]:
            raise WrongError("the refresh token was not replaced")
        held[0] = fresh["refresh_token"]

    return turn


def sign_in(provider: Provider, number: int) -> Turn:
    person = _person(provider, number)

    def turn() -> None:
        _sign_in(provider, provider.web, person, "openid profile")

    return turn


def single_sign_on(provider: Provider, number: int) -> Turn:
    browser, _tokens = _sign_in(provider, provider.web, _person(provider, number), "openid profile")
    server = Browser(provider.base)
    url = _request(provider, provider.web, "openid profile")

    def turn() -> None:
        landed = browser.follow(browser.get(url), until=CALLBACK)
        _redeem(provider, server, provider.web, landed)

    return turn


def userinfo(provider: Provider, number: int) -> Turn:
    _browser, tokens = _sign_in(provider, provider.web, _person(provider, number), "openid profile")
    browser = Browser(provider.base)
    header = f"Bearer {tokens['access_token']}"

    def turn() -> None:
        if not _tokens(browser.get(provider.userinfo, Authorization=header))["sub"]:
            raise WrongError("no subject")

    return turn


def introspection(provider: Provider, number: int) -> Turn:
    _browser, tokens = _sign_in(provider, provider.web, _person(provider, number), "openid profile")
    browser = Browser(provider.base)
    fields = {"token": tokens["access_token"]}

    def turn() -> None:
        answer = _tokens(browser.post(provider.introspect, fields, Authorization=provider.web.basic))
        if answer["active"] is not True:
            raise WrongError("the token is not active")

    return turn


def _person(provider: Provider, number: int) -> tuple[str, str]:
    return provider.people[number % len(provider.people)]


#: Of more callers than this, one process of Regain tells some to come again: no answer to be measured.
MOST_CALLERS = {"sign-in with code flow": 2}

FLOWS = {
    "discovery": discovery,
    "client_credentials": client_credentials,
    "refresh chain": refresh,
    "sign-in with code flow": sign_in,
    "SSO code flow": single_sign_on,
    "userinfo": userinfo,
    "introspection": introspection,
}

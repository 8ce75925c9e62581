"""An application and a browser, as far as the protocol is concerned: no page is filled in here."""

import json
import re
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html import unescape
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.test import Client as Http
from django.utils import timezone
from joserfc import jwt
from joserfc.jwk import KeySet

from idp.accounts import sessions
from idp.audit.events import Origin
from idp.conf import policy
from idp.oidc import clients, keys
from tests.conftest import CALLBACK, CLIENT_SECRET

ISSUER = "https://id.contoso.example"
VERIFIER = "a verifier of 43 characters or more, as RFC 7636 wants it".replace(" ", "-").replace(",", "")
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
SESSION_COOKIE = "__Host-regain-session"


@pytest.fixture(autouse=True)
def _nothing_is_remembered():
    """What a process keeps of clients and keys belongs to the database of one test."""
    clients.forget()
    keys.forget()
    yield
    clients.forget()
    keys.forget()


def ask(**changes):
    """The parameters of a good authorization request, with `changes`; None takes one away."""
    parameters = {
        "client_id": "payroll",
        "redirect_uri": CALLBACK,
        "response_type": "code",
        "scope": "openid profile email",
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    } | changes
    return {name: value for name, value in parameters.items() if value is not None}


def answer(response):
    """The parameters that came back to the application, each once."""
    assert response.status_code == 303, (response.status_code, response.content[:300])
    query = parse_qs(urlsplit(response["Location"]).query, keep_blank_values=True)
    assert all(len(values) == 1 for values in query.values()), query
    return {name: values[0] for name, values in query.items()}


def answered(response):
    """The parameters of an answer that travels as a form (Form Post Response Mode 2), each once."""
    assert response.status_code == 200, (response.status_code, response.content[:300])
    page = response.content.decode()
    fields = re.findall(r'<input type="hidden" name="(.*?)" value="(.*?)">', page, re.DOTALL)
    assert len(dict(fields)) == len(fields), fields
    return {unescape(name): unescape(value) for name, value in fields}


def basic(client_id="payroll", secret=CLIENT_SECRET):
    return "Basic " + b64encode(f"{client_id}:{secret.replace(' ', '+').replace(',', '%2C')}".encode()).decode()


class FormClient(Http):
    """Posts forms as programs and browsers do; Django's own would send multipart."""

    def post(self, path, data=None, content_type="application/x-www-form-urlencoded", **extra):
        body = urlencode(data, doseq=True) if isinstance(data, dict) else (data or "")
        return super().post(path, body, content_type=content_type, **extra)


@dataclass
class Browser:
    """A browser that may be signed in, and the application it belongs to."""

    http: Http = field(
        default_factory=lambda: FormClient(enforce_csrf_checks=True, headers={"host": "id.contoso.example"}),
    )

    def sign_in(self, user, *, at=None):
        begun = sessions.begin(user, amr=["pwd"], origin=Origin(), policy=policy(), now=at or timezone.now())
        self.http.cookies[SESSION_COOKIE] = begun.key
        return begun.sign_in

    def authorize(self, **changes):
        return self.http.get("/authorize", ask(**changes), secure=True)

    def code(self, **changes):
        return answer(self.authorize(**changes))["code"]

    def token(self, *, authorization=None, **parameters):
        headers = {} if authorization == "" else {"authorization": authorization or basic()}
        return self.http.post("/token", parameters, headers=headers, secure=True)

    def redeem(self, code, **changes):
        parameters = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        } | changes
        return self.token(**{name: value for name, value in parameters.items() if value is not None})

    def refresh(self, token, **parameters):
        return self.token(grant_type="refresh_token", refresh_token=token, **parameters)

    def userinfo(self, token):
        return self.http.get("/userinfo", headers={"authorization": f"Bearer {token}"}, secure=True)

    def tokens(self, **changes):
        response = self.redeem(self.code(**changes))
        assert response.status_code == 200, response.content
        return response.json()

    def verified(self, id_token):
        published = KeySet.import_key_set(json.loads(self.http.get("/jwks", secure=True).content))
        return jwt.decode(id_token, published, algorithms=["ES256"])


@pytest.fixture
def browser(db):
    return Browser()


@pytest.fixture
def signed_in(browser, jane, payroll):
    """Jane's browser, signed in, at an application that need not ask her."""
    browser.sign_in(jane)
    return browser

"""Whatever is sent: never a 500, never a redirect to where nobody registered, never what was sent on the page."""

import random
from urllib.parse import urlsplit

from tests.idp.oidc.conftest import ask, basic

ROUNDS = 400
CANARY = "canary<script>alert(1)</script>"
VALUES = [
    *("", " ", "\x00", "é" * 50, "😀", "a" * 5000, "..", "%", "%00", "\r\nX: y", '"', "\\", "{}", "[]", "١"),
    *("none", "openid", "code", "S256", "-1", "0", "1e9", "null", "login consent", "a b", "a+b", "\u202e"),
    *("javascript:alert(1)", "https://evil.example/", "//evil.example", "a.b.c", "eyJhbGciOiJub25lIn0.e30."),
    *("AAAA.1.A.t2.A", CANARY),
]
ASKED = [
    *("client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age"),
    *("id_token_hint", "login_hint", "ui_locales", "acr_values", "display", "claims", "request", "request_uri"),
    *("code_challenge", "code_challenge_method", "post_logout_redirect_uri", "logout_hint", "decision", "i", "x"),
]
REDEEMED = [
    *("grant_type", "code", "redirect_uri", "code_verifier", "refresh_token", "scope", "client_id"),
    *("client_secret", "client_assertion", "access_token"),
]
CREDENTIALS = ["Basic x", "Basic é", "Basic ====", "Basic Og==", "Basic w6k6w6k=", "Bearer x", "Bearer", "x" * 5000]


def test_nothing_breaks_and_nothing_is_repeated(signed_in, jane):
    chance = random.Random(7)
    hint = signed_in.tokens()["id_token"]

    def some(names, start):
        fields = dict(start)
        for _ in range(chance.randint(1, 4)):
            value = chance.choice([*VALUES, hint, hint[:-3] + "AAA"])
            fields[chance.choice(names)] = value if chance.random() < 0.8 else [value, chance.choice(VALUES)]
        return fields

    for _ in range(ROUNDS):
        path = chance.choice(["/authorize", "/authorize", "/continue", "/sign-out", "/signed-out"])
        send = chance.choice([signed_in.http.get, signed_in.http.post])
        fields = some(ASKED, ask() if chance.random() < 0.7 else {})
        response = send(path, fields, secure=True)
        assert response.status_code < 500, (path, fields)
        assert urlsplit(response.get("Location", "")).netloc in ("", "payroll.contoso.example"), fields
        assert CANARY.encode() not in response.content, fields
        if path == "/sign-out":
            signed_in.sign_in(jane)

        fields = some(REDEEMED, {"grant_type": chance.choice(["authorization_code", "refresh_token"])})
        who = {"authorization": chance.choice([basic(), *CREDENTIALS])}
        for path in ("/token", "/userinfo"):
            response = signed_in.http.post(path, fields, headers=who, secure=True)
            assert response.status_code in (400, 401), (path, fields, response.status_code)
            assert CANARY.encode() not in response.content, fields

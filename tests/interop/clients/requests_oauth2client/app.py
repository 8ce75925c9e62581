"""A Flask application, signed in with requests-oauth2client.

ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. The library makes `state`, `nonce` and the PKCE
verifier, keeps them in its `AuthorizationRequest`, compares `state` and `iss` of the answer, and verifies the ID
token. What is left to the application is said where it is done.

With PRIVATE_KEY (a JWK) in place of CLIENT_SECRET it keeps to the FAPI 2.0 Security Profile: it signs for who it is,
hands its request in beforehand (PAR), and the tokens are good with a key of their own only (DPoP).
"""

import json
import os
import secrets
from urllib.parse import urlencode

import requests
from flask import Flask, redirect, request, session
from requests import RequestException
from requests_oauth2client import BearerToken, ClientSecretBasic, OAuth2Client, PrivateKeyJwt
from requests_oauth2client.authorization_request import AuthorizationRequest
from requests_oauth2client.exceptions import AuthorizationResponseError, OAuth2Error
from requests_oauth2client.tokens import InvalidIdToken

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
HERE = f"http://127.0.0.1:{PORT}"

STRICT = "PRIVATE_KEY" in os.environ

provider = OAuth2Client.from_discovery_endpoint(
    issuer=ISSUER,
    auth=PrivateKeyJwt(os.environ["CLIENT_ID"], json.loads(os.environ["PRIVATE_KEY"]), alg="ES256", aud=ISSUER)
    if STRICT
    else ClientSecretBasic(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"]),
    dpop_bound_access_tokens=STRICT,
    redirect_uri=f"{HERE}/callback",
    id_token_signed_response_alg="ES256",  # the library takes RS256 for granted; Regain signs with ES256
    testing=ISSUER.startswith("http://localhost:"),  # plain http is for trying it out on one machine
)

END_SESSION = requests.get(f"{ISSUER}/.well-known/openid-configuration", timeout=10).json()["end_session_endpoint"]

app = Flask(__name__)
app.config.update(SECRET_KEY=secrets.token_hex(32), SESSION_COOKIE_SAMESITE="Lax")
#: By the name the browser holds: what was asked, and then who signed in. Several processes need a shared store.
asked: dict[str, AuthorizationRequest] = {}
people: dict[str, dict] = {}


@app.get("/")
def home():
    person = people.get(session.get("person", ""))
    if person is None:
        return {"claims": None}
    return {name: person[name] for name in ("claims", "userinfo", "renewals")}


@app.get("/sign-in")
def sign_in():
    session["asked"] = secrets.token_urlsafe(32)
    question = provider.authorization_request(
        scope="openid profile email offline_access",
        # The library knows from discovery, but has to be told: an answer without `iss` is none (RFC 9207).
        authorization_response_iss_parameter_supported=True,
    )
    asked[session["asked"]] = question
    return redirect(provider.pushed_authorization_request(question).uri if STRICT else question.uri)


@app.get("/callback")
def callback():
    question = asked.pop(session.pop("asked", ""), None)
    if question is None:
        return {"error": "nothing_was_asked"}, 400
    answer = question.validate_callback(request.url)  # state, iss, and errors from the provider
    token = provider.authorization_code(answer, validate=False)  # with the verifier
    # Verified on a copy: in 1.8, the library loses the token's DPoP key when it verifies the original.
    copy = BearerToken(access_token=token.access_token, id_token=token.id_token)
    claims = copy.validate_id_token(provider, answer).id_token.claims
    session["person"] = secrets.token_urlsafe(32)
    people[session["person"]] = {
        "refresh_token": token.refresh_token,
        "dpop_key": answer.dpop_key,
        "hint": str(token.id_token),
        "claims": claims,
        "userinfo": userinfo(token, claims["sub"]),
        "renewals": 0,
    }
    return redirect("/")


@app.post("/refresh")
def refresh():
    person = people[session["person"]]
    ask = {"grant_type": "refresh_token", "refresh_token": person["refresh_token"]}
    token = provider.token_request(ask, dpop_key=person["dpop_key"])
    # If there is a new one, the old one is void.
    person["refresh_token"] = token.refresh_token or person["refresh_token"]
    person["userinfo"] = userinfo(token, person["claims"]["sub"])
    person["renewals"] += 1
    return redirect("/", 303)


@app.get("/sign-out")
def sign_out():
    # The library does not know sign-out; the address is in discovery.
    person = people.pop(session.pop("person", ""), None)
    if person is None:
        return redirect("/")
    query = {"id_token_hint": person["hint"], "post_logout_redirect_uri": f"{HERE}/signed-out"}
    return redirect(f"{END_SESSION}?{urlencode(query)}")


@app.get("/signed-out")
def signed_out():
    return {"signed_out": True}


def userinfo(token, sub):
    told = provider.userinfo(token)
    # OpenID Connect Core 5.3.2: userinfo may only be believed if it speaks of the same person.
    if told["sub"] != sub:
        raise InvalidIdToken("Userinfo speaks of somebody else.", token.id_token, token)
    return told


@app.errorhandler(OAuth2Error)
@app.errorhandler(AuthorizationResponseError)
@app.errorhandler(InvalidIdToken)
@app.errorhandler(RequestException)
def refused(error):
    app.logger.error("%s: %s", type(error).__name__, error)
    return {"error": type(error).__name__}, 400


app.run("127.0.0.1", PORT, threaded=True)

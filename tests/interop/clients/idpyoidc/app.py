"""A Flask application, signed in with idpyoidc.

ISSUER, CLIENT_ID, CLIENT_SECRET and PORT say where it belongs. The library makes `state`, `nonce` and the PKCE
verifier, keeps everything by `state`, and verifies the ID token. It does not know browsers: that an answer belongs to
the one who asked is for the application to see.
"""

import os
import secrets
from urllib.parse import parse_qs, urlsplit

from flask import Flask, redirect, request, session
from idpyoidc.client.defaults import DEFAULT_OIDC_SERVICES
from idpyoidc.client.oidc.end_session import EndSession
from idpyoidc.client.rp_handler import RPHandler

ISSUER, PORT = os.environ["ISSUER"], int(os.environ["PORT"])
HERE = f"http://127.0.0.1:{PORT}"
SCOPE = ["openid", "profile", "email", "offline_access"]

handler = RPHandler(
    base_url=HERE,
    key_conf={"key_defs": [{"type": "EC", "crv": "P-256", "use": ["sig"]}]},
    client_configs={
        ISSUER: {
            "client_type": "oidc",
            "issuer": ISSUER,
            "client_id": os.environ["CLIENT_ID"],
            "client_secret": os.environ["CLIENT_SECRET"],
            "redirect_uris": [f"{HERE}/callback"],
            "post_logout_redirect_uris": [f"{HERE}/signed-out"],
            "response_types": ["code"],
            "response_types_supported": ["code"],
            "scopes_supported": SCOPE,
            "client_authn_methods": ["client_secret_basic"],
            "token_endpoint_auth_method": "client_secret_basic",
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "id_token_signed_response_alg": "ES256",
            "id_token_signing_alg_values_supported": ["ES256"],
            "services": {**DEFAULT_OIDC_SERVICES, "end_session": {"class": EndSession}},
            "add_ons": {
                "pkce": {
                    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
                },
            },
        },
    },
)
provider = handler.client_setup(ISSUER)

app = Flask(__name__)
app.config.update(SECRET_KEY=secrets.token_hex(32), SESSION_COOKIE_SAMESITE="Lax")
#: By `state`. Several processes need a shared store.
people: dict[str, dict] = {}


@app.get("/")
def home():
    return people.get(session.get("person", ""), {"claims": None})


@app.get("/sign-in")
def sign_in():
    url = handler.begin(ISSUER, req_args={"scope": SCOPE})
    (session["asked"],) = parse_qs(urlsplit(url).query)["state"]
    return redirect(url)


@app.get("/callback")
def callback():
    state = session.pop("asked", None)
    if state is None or request.args.get("state") != state:
        return {"error": "wrong_state"}, 400
    # RFC 9207 2.4: first see who is answering.
    if request.args.get("iss") != ISSUER:
        return {"error": "wrong_issuer"}, 400
    told = handler.finalize(ISSUER, request.args.to_dict())
    if "error" in told:
        return {"error": told["error"]}, 400
    session["person"] = state
    people[state] = {
        "claims": told["id_token"].to_dict(),
        "userinfo": told["userinfo"].to_dict(),
        "renewals": 0,
    }
    return redirect("/")


@app.post("/refresh")
def refresh():
    state = session["person"]
    handler.refresh_access_token(state)  # keeps the new refresh token; the old one is void
    people[state]["userinfo"] = handler.get_user_info(state).to_dict()
    people[state]["renewals"] += 1
    return redirect("/", 303)


@app.get("/sign-out")
def sign_out():
    state = session.pop("person", None)
    if people.pop(state, None) is None:
        return redirect("/")
    return redirect(handler.logout(state)["url"])


@app.get("/signed-out")
def signed_out():
    return {"signed_out": True}


@app.errorhandler(Exception)
def refused(error):
    app.logger.error("%s: %s", type(error).__name__, error)
    return {"error": type(error).__name__}, 400


app.run("127.0.0.1", PORT, threaded=True)

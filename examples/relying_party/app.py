"""The whole of Payroll's sign-in, in the order a person meets it.

home → /sign-in (redirect to the provider) → /callback (code for tokens, everything verified) → home, signed
in → /refresh (a new access token, nobody is asked) → /sign-out (here and at the provider) → /signed-out.

Authlib makes and checks `state`, `nonce` and the PKCE verifier, fetches the provider's keys and verifies the
ID token's signature, issuer, audience, times, nonce and access token hash. What it leaves to the application
is said where it is done.
"""

import secrets
from dataclasses import dataclass
from typing import Any

from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from flask import (
    Blueprint,
    Flask,
    Response,
    current_app,
    redirect,
    render_template,
    request,
    session,
    url_for,
)
from flask.typing import ResponseReturnValue
from joserfc.errors import JoseError
from requests import RequestException

SCOPE = "openid profile email offline_access"
#: What a sign-in link may hand on to the provider, for instance /sign-in?prompt=login.
HANDED_ON = ("prompt", "max_age", "login_hint", "ui_locales", "acr_values", "claims")

oauth = OAuth()
oauth.register("provider", client_kwargs={"scope": SCOPE, "code_challenge_method": "S256"})
pages = Blueprint("payroll", __name__)


def create_app(*, issuer: str, client_id: str, client_secret: str, base_url: str) -> Flask:
    """An application that knows one provider and is registered there with `base_url`/callback."""
    app = Flask(__name__)
    app.config.update(
        BASE_URL=base_url,
        ISSUER=issuer,
        PROVIDER_CLIENT_ID=client_id,
        PROVIDER_CLIENT_SECRET=client_secret,
        PROVIDER_SERVER_METADATA_URL=f"{issuer}/.well-known/openid-configuration",
        SECRET_KEY=secrets.token_hex(32),
        SESSION_COOKIE_NAME="payroll",
        SESSION_COOKIE_SAMESITE="Lax",  # not Strict: the way back comes from another site
        SESSION_COOKIE_SECURE=base_url.startswith("https://"),
    )
    oauth.init_app(app)
    app.register_blueprint(pages)
    return app


@dataclass
class SignedIn:
    """What we know of somebody who signed in. It stays on the server: browsers get a random name for it."""

    claims: dict[str, Any]  # from the ID token: who it is, when and how they signed in
    person: dict[str, Any]  # from userinfo: name, email address
    token: dict[str, Any]
    renewals: int = 0


#: By the name the browser holds. An application with several processes keeps this in its session store.
people: dict[str, SignedIn] = {}


@pages.get("/")
def home() -> ResponseReturnValue:
    return render_template("home.html", current=signed_in(), issuer=current_app.config["ISSUER"])


@pages.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    # OpenID Connect Discovery 4.3: the document must name the issuer we asked, or it is somebody else's.
    if oauth.provider.load_server_metadata()["issuer"] != current_app.config["ISSUER"]:
        raise OAuthError(error="issuer_mismatch", description="Discovery names another issuer.")
    wishes = {name: request.args[name] for name in HANDED_ON if name in request.args}
    return oauth.provider.authorize_redirect(current_app.config["BASE_URL"] + "/callback", **wishes)


@pages.get("/callback")
def callback() -> ResponseReturnValue:
    # RFC 9207 2.4: first see who is answering. A code from another provider must never be sent to ours.
    if request.args.get("iss") != current_app.config["ISSUER"]:
        raise OAuthError(error="issuer_mismatch", description="The answer does not come from our provider.")
    token = oauth.provider.authorize_access_token()
    claims = token.pop("userinfo", None)
    if claims is None:
        raise OAuthError(error="no_id_token", description="The provider did not say who signed in.")
    person = userinfo(token, claims["sub"])
    forget()
    session.clear()
    # A fresh name for every sign-in, so that nobody can plant one beforehand.
    session["person"] = secrets.token_urlsafe(32)
    people[session["person"]] = SignedIn(claims=dict(claims), person=person, token=token)
    return redirect(url_for(".home"))


@pages.post("/refresh")
def refresh() -> ResponseReturnValue:
    current = signed_in()
    if current is None or "refresh_token" not in current.token:
        return redirect(url_for(".home"))
    try:
        token = oauth.provider.fetch_access_token(
            grant_type="refresh_token",
            refresh_token=current.token["refresh_token"],
        )
    except OAuthError:
        forget()  # the provider has ended this: the person signed out there, or has a new password
        raise
    # OpenID Connect Core 12.2: an ID token in the answer speaks of the same person as the first.
    if "id_token" in token and oauth.provider.parse_id_token(token, nonce=None)["sub"] != current.claims["sub"]:
        raise OAuthError(error="subject_mismatch", description="The new tokens are somebody else's.")
    current.token |= token  # a rotated refresh token takes the place of the one just used
    current.person = userinfo(token, current.claims["sub"])
    current.renewals += 1
    return redirect(url_for(".home"))


@pages.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    # Forget the person here first: whatever the provider answers, this application has let go.
    current = forget()
    if current is None:
        return redirect(url_for(".home"))
    return oauth.provider.logout_redirect(
        post_logout_redirect_uri=current_app.config["BASE_URL"] + "/signed-out",
        id_token_hint=current.token["id_token"],
        client_id=oauth.provider.client_id,
    )


@pages.get("/signed-out")
def signed_out() -> ResponseReturnValue:
    oauth.provider.validate_logout_response()
    return render_template("signed_out.html")


def userinfo(token: dict[str, Any], sub: str) -> dict[str, Any]:
    """What the provider says of this person."""
    # Without its refresh token: Authlib would use that up unasked when access ends within a minute.
    person = oauth.provider.userinfo(token={name: token[name] for name in ("access_token", "token_type")})
    # OpenID Connect Core 5.3.2: userinfo may only be believed if it speaks of the same person.
    if person["sub"] != sub:
        raise OAuthError(error="subject_mismatch", description="Userinfo speaks of somebody else.")
    return dict(person)


def signed_in() -> SignedIn | None:
    return people.get(session.get("person", ""))


def forget() -> SignedIn | None:
    """End the sign-in at this application, and say whose it was."""
    return people.pop(session.pop("person", ""), None)


@pages.errorhandler(OAuthError)
@pages.errorhandler(JoseError)
def refused(error: OAuthError | JoseError) -> ResponseReturnValue:
    return render_template("problem.html", code=error.error, detail=error.description), 400


@pages.errorhandler(RequestException)
def unreachable(_error: RequestException) -> ResponseReturnValue:
    return render_template("problem.html", code="provider_unreachable", detail=current_app.config["ISSUER"]), 502


@pages.after_app_request
def protect(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    if request.endpoint != "static":
        response.headers["Cache-Control"] = "no-store"
    return response

"""Who the peers are: each with what it is registered with and where its pages are."""

import json
from dataclasses import replace

from joserfc.jwk import ECKey

from tests.interop.peers import Peer, node, python


def strictly(peer: Peer) -> Peer:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
    metadata = {
        "profile": "fapi2",
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [key.as_dict(private=False)]},
    }
    told = {"PRIVATE_KEY": json.dumps(key.as_dict(private=True))}
    return replace(peer, name=f"{peer.name}-strictly", metadata=metadata, environment=told)


def expecting(peer: Peer, algorithm: str) -> Peer:
    metadata = {"id_token_signed_response_alg": algorithm}
    return replace(
        peer,
        name=f"{peer.name}-{algorithm}",
        metadata=metadata,
        environment={"ID_TOKEN_ALGORITHM": algorithm},
    )


OPENID_CLIENT = Peer(name="openid-client", command=node("openid_client/app.mjs"))
EXPRESS = Peer(
    name="express-openid-connect",
    command=node("express_openid_connect/app.mjs"),
    metadata={
        "backchannel_logout_uri": "${HERE}/backchannel-logout",
        "backchannel_logout_session_required": True,
    },
    sign_in="/login",
    sign_out="/logout",
)
EXPRESS_BY_FORM = replace(EXPRESS, name="express-by-form", environment={"RESPONSE_MODE": "form_post"})
MOZILLA = Peer(
    name="mozilla-django-oidc",
    command=python("mozilla_django_oidc/app.py"),
    metadata={"scope": "openid profile email"},
    sign_in="/oidc/authenticate/",
    callback="/oidc/callback/",
    sign_out="/oidc/logout/",
    signed_out="/signed-out/",
)
AUTHLIB = Peer(name="authlib-django", command=python("authlib_django/app.py"))
IDPYOIDC = Peer(name="idpyoidc", command=python("idpyoidc/app.py"))
REQUESTS = Peer(name="requests-oauth2client", command=python("requests_oauth2client/app.py"))
PEERS = [OPENID_CLIENT, EXPRESS, MOZILLA, AUTHLIB, IDPYOIDC, REQUESTS]
#: The same programs with a key in place of a secret, which keep to the FAPI 2.0 Security Profile.
STRICT = [strictly(OPENID_CLIENT), strictly(REQUESTS)]
REFRESHING = [OPENID_CLIENT, EXPRESS, AUTHLIB, IDPYOIDC, REQUESTS]
#: Which of them look at `iss` of the answer (RFC 9207), by their library or in their few lines.
SEEING_WHO_ANSWERS = [OPENID_CLIENT, EXPRESS, AUTHLIB, IDPYOIDC, REQUESTS]

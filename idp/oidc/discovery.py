"""What this provider says about itself: OpenID Connect Discovery 3, RFC 8414. Made of what is enforced."""

import json
from functools import lru_cache
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from idp import pages
from idp.oidc import supported


def document() -> dict[str, Any]:
    """The metadata. Every value listed is one that a check, a flow or a method of ours answers to."""
    return {
        "issuer": settings.ISSUER,
        **{name: settings.ISSUER + path for name, path in supported.ENDPOINTS.items()},
        "scopes_supported": list(supported.SCOPE_VALUES),
        "claims_supported": [*supported.CLAIMS, *supported.ID_TOKEN_CLAIMS],
        "claim_types_supported": ["normal"],
        "response_types_supported": list(supported.RESPONSE_TYPES),
        "response_modes_supported": list(supported.RESPONSE_MODES),
        "grant_types_supported": list(supported.GRANT_TYPES),
        "subject_types_supported": list(supported.SUBJECT_TYPES),
        "id_token_signing_alg_values_supported": list(supported.SIGNING_ALGORITHMS),
        "token_endpoint_auth_methods_supported": list(supported.CLIENT_AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(supported.ASSERTION_ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [
            method for method in supported.CLIENT_AUTH_METHODS if method != "none"
        ],
        "introspection_endpoint_auth_signing_alg_values_supported": list(supported.ASSERTION_ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(supported.CLIENT_AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(supported.ASSERTION_ALGORITHMS),
        "dpop_signing_alg_values_supported": list(supported.DPOP_ALGORITHMS),
        "code_challenge_methods_supported": list(supported.CHALLENGE_METHODS),
        "prompt_values_supported": list(supported.PROMPTS),
        "acr_values_supported": list(supported.ACR_VALUES),
        "ui_locales_supported": [pages.language_tag(code) for code, _name in settings.LANGUAGES],
        "claims_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "require_request_uri_registration": False,
        "require_pushed_authorization_requests": False,
        "authorization_response_iss_parameter_supported": True,
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
    }


@lru_cache(maxsize=1)
def prebuilt() -> tuple[bytes, str]:
    """The document's bytes and their ETag."""
    body = json.dumps(document(), separators=(",", ":")).encode()
    return body, f'"{sha256(body).hexdigest()[:32]}"'


@receiver(setting_changed)
def _forget(**_kwargs: Any) -> None:
    prebuilt.cache_clear()

"""What this program consists of; whatever else is configured keeps it from starting.

An app, a middleware, a backend, a grant or an address that somebody adds is how other systems come by a second way in:
an administrators' site with a field for passwords, a reset by link, "log in as". What may be there is named here, and
a plug-in may bring its own package, with addresses below its own name.
"""

from collections.abc import Iterator

from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from idp.oidc import flows, supported

#: Below these stand the provider's own addresses, and no others.
_PREFIXES = frozenset(
    {
        *(
            ".well-known",
            "authorize",
            "par",
            "token",
            "userinfo",
            "jwks",
            "introspect",
            "revoke",
            "sign-out",
            "signed-out",
        ),
        *("continue", "consent", "sign-in", "account", "console", "recovery", "brand.css", "receipts"),
        *("healthz", "readyz", "metrics"),
    },
)
_MIDDLEWARE = frozenset(
    {
        *(
            f"idp.middleware.{name}"
            for name in ("SecurityHeaders", "RequestGuard", "PageKeys", "PageLanguage", "PageCsrf")
        ),
        # There while a collector is configured.
        "config.tracing.Requests",
    },
)


def faults() -> list[str]:
    """What is there and is not known, in words for an operator. Empty is good."""
    packages = {"idp", *(name.partition(".")[0] for name in settings.IDP_PLUGINS)}
    return [
        *_strangers("INSTALLED_APPS", settings.INSTALLED_APPS, packages),
        *_strangers("MIDDLEWARE", settings.MIDDLEWARE, _MIDDLEWARE),
        *_strangers("AUTHENTICATION_BACKENDS", settings.AUTHENTICATION_BACKENDS, ()),
        *(f"the grant {name} is not one of this provider's" for name in _grants() if name not in supported.GRANT_TYPES),
        *_addresses(packages),
    ]


def _strangers(setting: str, names: list[str], known: object) -> list[str]:
    return [f"{name} in {setting} is not part of this program" for name in names if name not in known]  # type: ignore[operator]


def _grants() -> list[str]:
    """The grants that the framework would answer to, by their names in requests."""
    registered = flows.provider._token_grants  # noqa: SLF001 -- Authlib has no other list of them
    return [grant.GRANT_TYPE for grant, _extensions in registered]


def _addresses(packages: set[str]) -> Iterator[str]:
    for path, module in _views(get_resolver()):
        package = module.partition(".")[0]
        if package not in packages:
            yield f"the address /{path} is answered by {module}, which is not part of this program"
        elif path.partition("/")[0] not in (_PREFIXES if package == "idp" else {package}):
            yield f"the address /{path} is not one of those that {package} may have"


def _views(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Each address and the module that answers it."""
    for pattern in resolver.url_patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield path, pattern.callback.__module__
        else:
            yield from _views(pattern, path)

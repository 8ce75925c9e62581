"""An authorization request as it was sent, and as it is kept once it passed every check of `checks`."""

from dataclasses import dataclass, replace
from typing import Any, Self

from django.http import QueryDict

from idp.oidc import claims_request

#: How much of `state`, `nonce` and other texts is kept: all of it, or the request is refused. Nothing is ever cut.
LONGEST = 4096


class Parameters:
    """What was sent, by query and by form. RFC 6749 3.1: a parameter without a value counts as omitted."""

    def __init__(self, *sources: QueryDict, pushed: bool = False) -> None:
        #: Whether it came by the back channel, from a client that has authenticated (RFC 9126).
        self.pushed = pushed
        self._values: dict[str, list[str]] = {}
        for source in sources:
            for name, values in source.lists():
                self._values.setdefault(name, []).extend(str(value) for value in values)

    def get(self, name: str) -> str:
        """The value; empty if there is none, or more than one."""
        values = self._values.get(name, ())
        return values[0] if len(values) == 1 else ""

    def every(self, name: str) -> list[str]:
        """All its values, where a parameter may have several; each counts once, empty ones do not."""
        return list(dict.fromkeys(value for value in self._values.get(name, ()) if value))

    def repeated(self) -> list[str]:
        return [name for name, values in self._values.items() if len(values) > 1]

    def pairs(self) -> list[tuple[str, str]]:
        return [(name, value) for name, values in self._values.items() for value in values]

    @property
    def state(self) -> str:
        """What goes back as it came; nothing if it came twice or cannot be kept."""
        state = self.get("state")
        return state if fits(state) else ""


@dataclass(frozen=True, kw_only=True)
class AuthorizationRequest:
    """A request that passed every check. Its fields are named as OAuth and OpenID Connect name them."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str = ""
    nonce: str = ""
    code_challenge: str = ""
    #: Empty for the default of the code flow, `query`.
    response_mode: str = ""
    prompt: str = ""
    max_age: int | None = None
    login_hint: str = ""
    ui_locales: str = ""
    acr_values: str = ""
    #: The claims asked for by name, of those there are (`claims_request`).
    claims: dict[str, Any] | None = None
    #: The scopes that would have asked for these claims, and were not asked for themselves: a person allows scopes.
    claims_scope: str = ""
    #: The resources the tokens are for, as RFC 8707 names the parameter.
    resource: tuple[str, ...] = ()
    #: The key that the code is bound to (RFC 9449 10).
    dpop_jkt: str = ""
    #: Whose answer it may be: the subjects that the ID token given as a hint, or the claims, name.
    expects_sub: tuple[str, ...] = ()

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())

    @property
    def to_allow(self) -> tuple[str, ...]:
        """Every scope that the person has to allow before this request can be answered in full."""
        return (*self.scopes, *self.claims_scope.split())

    @property
    def prompts(self) -> frozenset[str]:
        return frozenset(self.prompt.split())

    @property
    def wanted_acr(self) -> tuple[str, ...]:
        """How strong the sign-in is to be, as the application prefers it (Core 3.1.2.1, 5.5.1.1)."""
        return (*claims_request.wanted_acr(self.claims or {}), *self.acr_values.split())

    @property
    def essential_acr(self) -> frozenset[str]:
        """Of which one must be reached, or the sign-in has failed (Core 5.5.1.1). Empty: any will do."""
        return claims_request.essential_acr(self.claims or {})

    def within(self, scope: str) -> Self:
        """This request, cut to what `scope` allows of it."""
        allowed = scope.split()
        kept = " ".join(value for value in self.scopes if value in allowed)
        return replace(self, scope=kept, claims=claims_request.within(self.claims, allowed))

    def bound_to(self, jkt: str) -> Self:
        """This request, its code bound to the key with this thumbprint (RFC 9449 10.1)."""
        return replace(self, dpop_jkt=jkt)

    def parameters(self) -> dict[str, Any]:
        """What is stored of a request that waits: every field that has a value."""
        return {name: value for name, value in vars(self).items() if value not in ("", None, ())}

    @classmethod
    def stored(cls, parameters: dict[str, Any]) -> Self:
        """The request as it was stored."""
        return cls(**parameters)


def fits(text: str) -> bool:
    """Whether `text` can be kept whole."""
    return len(text) <= LONGEST and len(text.encode()) <= LONGEST

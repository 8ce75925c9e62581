"""The facts of an authorization request, put before the dispatcher: what is asked, and what is known of the person."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from idp.accounts import credentials
from idp.accounts.reauthentication import MULTI_FACTOR
from idp.conf import SecondFactor, policy
from idp.factors import registry, requirements, strength
from idp.login import consents, interrupting
from idp.login.dispatch import Asked, Known, Next, Step, missing_acr, needs_login, next_step
from idp.models import Interaction, SignIn
from idp.oidc import subjects, supported
from idp.oidc.clients import RelyingParty
from idp.oidc.parameters import AuthorizationRequest


def needs_somebody(asked: AuthorizationRequest, client: RelyingParty, sign_in: SignIn | None, *, at: datetime) -> bool:
    """Whether somebody has to sign in first, whatever they have allowed."""
    return needs_login(_asked(asked, at=at), _known(asked, client, sign_in, scope=""))


def following(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn | None,
    scope: str,
    *,
    at: datetime,
    now: datetime,
    interaction: Interaction | None = None,
) -> Next:
    """The next step for `asked`, which arrived `at`; `scope` is what `allowed_scope` says of it."""
    known = _known(asked, client, sign_in, scope=scope, interaction=interaction)
    if known.signed_in_for_this and asked.expects_sub and known.sub not in asked.expects_sub:
        # Core 3.1.2.1: somebody else than was named has signed in, and asking again would not end.
        return Next(step=Step.REFUSE, error="login_required")
    wanted = _asked(asked, at=at)
    known = _with_factors(wanted, known, sign_in)
    following = next_step(wanted, known)
    if sign_in is None or not is_in(following):
        return following
    # Asked last of all, for it may have to look closer: nobody hears of it who is not wholly signed in.
    page = interrupting.page(sign_in, interaction, for_this=known.signed_in_for_this, now=now)
    return replace(next_step(wanted, replace(known, interrupted=True)), page=page) if page else following


def is_in(following: Next) -> bool:
    """Whether nothing is left to ask of who somebody is; only, perhaps, of what the application may see."""
    return following.step in (Step.CONSENT, Step.RESPOND) or following.error == "consent_required"


def allowed_scope(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn | None,
    interaction: Interaction | None = None,
) -> str:
    """Of what is to allow, what this person has allowed: before, or on the page of this very request."""
    if sign_in is None:
        return ""
    scopes = _still(asked.to_allow, client)
    if interaction is not None and interaction.sign_in_id == sign_in.pk:
        missing = set(consents.to_ask(client.record, scopes)) - set(interaction.consented_before or ())  # type: ignore[attr-defined]
    else:
        missing = set(consents.needed(client.record, sign_in.user, scopes))
    if interaction is not None and interaction.consented_scopes is not None:
        missing |= set(consents.to_ask(client.record, scopes)) - set(interaction.consented_scopes)
    return " ".join(scope for scope in scopes if scope not in missing)


def _asked(asked: AuthorizationRequest, *, at: datetime) -> Asked:
    return Asked(
        prompts=asked.prompts,
        max_age=None if asked.max_age is None else timedelta(seconds=asked.max_age),
        at=at,
        expects_sub=frozenset(asked.expects_sub),
        acr_values=frozenset(asked.wanted_acr),
        essential_acr=asked.essential_acr,
    )


def _known(
    asked: AuthorizationRequest,
    client: RelyingParty,
    sign_in: SignIn | None,
    *,
    scope: str,
    interaction: Interaction | None = None,
) -> Known:
    if sign_in is None:
        return Known()
    given = set(scope.split())
    for_this = interaction is not None and interaction.sign_in_id == sign_in.pk
    consented = interaction.consented_scopes if interaction is not None else None
    return Known(
        signed_in=True,
        sub=subjects.of(sign_in.user, client.record),
        authenticated_at=sign_in.authenticated_at,
        signed_in_for_this=for_this,
        reached=supported.reached(sign_in.amr),
        consent_stands=given >= set(_still(asked.to_allow, client)),
        # Another person may have signed in since the consent page: what was allowed must be theirs to allow.
        consented_to_this=consented is not None
        and given >= set(consents.to_ask(client.record, _still(consented, client))),
    )


def _with_factors(asked: Asked, known: Known, sign_in: SignIn | None) -> Known:
    """Adds what second factors could do, which is looked up only where it matters."""
    numbers = policy()
    by_policy = numbers.second_factor in (SecondFactor.REQUIRED, SecondFactor.REQUIRED_FOR_ADMINISTRATORS)
    weak = sign_in is not None and MULTI_FACTOR not in sign_in.amr
    if sign_in is None or not (missing_acr(asked, known) or (by_policy and weak)):
        return known
    addable = {kind.name for kind in registry.KINDS}
    kinds = {str(factor.kind) for factor in credentials.factors_of(sign_in.user)}
    return replace(
        known,
        within_reach=_reached_with(kinds, sign_in),
        enrollable=_reached_with(addable, sign_in) if requirements.may_add(numbers) else frozenset(),
        must_enrol=weak and not kinds and requirements.must_have(sign_in.user, numbers),
    )


def _reached_with(kinds: Iterable[str], sign_in: SignIn) -> frozenset[str]:
    return frozenset().union(*(supported.reached(strength.together(sign_in.amr, kind)) for kind in kinds))


def _still(scopes: Iterable[str], client: RelyingParty) -> list[str]:
    """Those that `client` may have: it may have lost one while its request waited."""
    return [scope for scope in scopes if scope in client.scopes]

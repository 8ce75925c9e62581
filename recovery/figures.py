"""Recovery in numbers, for those who look after it: who could get back in, and how those fared who tried.

Counted by the database in a few statements, over all accounts and over the journeys that are kept. The journeys' own
rows and not the audit, because only they know the problem, the end, and how far somebody came; they are kept for as
long as anybody asks about (`KEPT`) and then swept. No account, address or code leaves this module.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Case, CharField, Count, Exists, OuterRef, Value, When
from django.utils.translation import gettext as _

from idp.plugins import holdings
from idp.plugins.holdings import Holding
from idp.plugins.hooks import Coverage, Fared, Fate, Funnel, Held, Stage
from recovery import standing
from recovery.domain import ways
from recovery.domain.journey import Ending
from recovery.domain.policy import ACTIVATION, FORGOT, INTRUDER, LOCKED, LOST_FACTOR, RecoveryPolicy
from recovery.domain.ways import Standing
from recovery.methods import registry
from recovery.models import Challenge, Journey, JourneyProof

#: For how long after their time journeys are kept: what is counted reaches back as far.
KEPT = timedelta(days=7)
#: How many of the last journeys a typical time is taken from.
_SAMPLE = 1000


# --- Who could get back in --------------------------------------------------------------------------------


def coverage(policy: RecoveryPolicy, *, now: datetime) -> Coverage:
    """Of all active accounts. Five statements; seals are not checked, which a database cannot."""
    everybody, administrators = holdings.of_everybody(now=now), holdings.of_administrators(now=now)
    among = sum(each.accounts for each in administrators)
    administrators_ready = _ready(administrators, policy, administrator=True)
    # Everybody by the rule for everybody, but administrators by their own.
    others_ready = _ready(everybody, policy) - _ready(administrators, policy)
    offered = frozenset(policy.methods)
    return Coverage(
        accounts=sum(each.accounts for each in everybody),
        registered=sum(each.accounts for each in everybody if _stands(each).ways & offered),
        ready=others_ready + administrators_ready,
        ways=tuple(
            Held(
                name=method.id,
                label=method.title(),
                accounts=sum(each.accounts for each in everybody if method.id in _stands(each).ways),
            )
            for method in registry.enabled(policy)
        ),
        administrators=among,
        administrators_ready=administrators_ready,
    )


def _ready(held: Iterable[Holding], policy: RecoveryPolicy, *, administrator: bool = False) -> int:
    return sum(each.accounts for each in held if ways.is_ready(_stands(each, administrator=administrator), policy))


def _stands(held: Holding, *, administrator: bool = False) -> Standing:
    factors = frozenset(standing.METHODS[kind] for kind in held.factors)
    return Standing(administrator=administrator, ways=factors | held.channels, factors=ways.roots(factors))


# --- How recoveries go ------------------------------------------------------------------------------------


def funnel(since: datetime, *, policy: RecoveryPolicy, now: datetime) -> Funnel:
    """The journeys begun after `since`. Two statements, over the journeys of a week."""
    half, most = _times(since)
    rows = _counted(since, now=now)
    problems = {name: words for name, words in _problems().items() if name in policy.problems}
    return Funnel(
        problems=problems,
        fared=tuple(
            Fared(problem=problem if problem in problems else "", stage=Stage(stage), fate=Fate(fate), count=count)
            for problem, stage, fate, count in rows
        ),
        half_within=half,
        most_within=most,
    )


def _counted(since: datetime, *, now: datetime) -> Iterable[tuple[str, str, str, int]]:
    """Problem, furthest stage, fate, and how many."""
    challenges = Challenge.objects.filter(journey=OuterRef("pk"))
    proofs = JourneyProof.objects.filter(journey=OuterRef("pk"))
    stage = _first(
        When(finished_at__isnull=False, then=Value(Stage.FINISHED)),
        When(enough_at__isnull=False, then=Value(Stage.ENOUGH)),
        When(Exists(proofs), then=Value(Stage.PROVED)),
        When(Exists(challenges), then=Value(Stage.ASKED)),
        When(problem="", then=Value(Stage.STARTED)),
        otherwise=Stage.PROBLEM,
    )
    fate = _first(
        When(finished_at__isnull=False, then=Value(Fate.FINISHED)),
        When(ending=Ending.TRIES, then=Value(Fate.TRIES)),
        When(ending__in=(Ending.SUPERSEDED, Ending.ELSEWHERE), then=Value(Fate.SUPERSEDED)),
        When(ending=Ending.STALE, then=Value(Fate.STALE)),
        When(expires_at__lte=now, then=Value(Fate.EXPIRED)),
        otherwise=Fate.RUNNING,
    )
    rows = Journey.objects.filter(started_at__gt=since).exclude(problem=ACTIVATION).annotate(stage=stage, fate=fate)
    return rows.values_list("problem", "stage", "fate").annotate(count=Count("pk")).order_by()


def _first(*cases: When, otherwise: str) -> Case:
    return Case(*cases, default=Value(otherwise), output_field=CharField())


def _times(since: datetime) -> tuple[timedelta | None, timedelta | None]:
    """Within which time half of those that finished did, and 95 of 100: of the last thousand, if there were more."""
    finished = Journey.objects.filter(started_at__gt=since, finished_at__isnull=False).exclude(problem=ACTIVATION)
    finished = finished.order_by("-started_at")
    took = sorted(end - begin for begin, end in finished.values_list("started_at", "finished_at")[:_SAMPLE] if end)
    if not took:
        return None, None
    return took[len(took) // 2], took[len(took) * 19 // 20]


def _problems() -> dict[str, str]:
    """Each problem, in as few words as a table has room for."""
    return {
        FORGOT: _("Password forgotten"),
        LOCKED: _("Sign-in paused"),
        LOST_FACTOR: _("Second step lost"),
        INTRUDER: _("Someone else in"),
    }

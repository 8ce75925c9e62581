"""Who could get back in and how recoveries go, for whoever reads metrics. The numbers are the plug-ins'."""

from collections.abc import Iterable
from datetime import timedelta
from time import monotonic

from django.utils import timezone

from idp import metrics
from idp.metrics import Metric
from idp.plugins import hooks
from idp.plugins.hooks import Coverage, Funnel

#: What is counted over all accounts is not counted anew for each reader of a minute.
_KEPT = 60
_DAY = timedelta(hours=24)

_kept: tuple[float, Coverage | None, Funnel | None] | None = None


def forget() -> None:
    """Count anew the next time."""
    global _kept  # noqa: PLW0603 -- one process, one answer
    _kept = None


def _numbers() -> tuple[Coverage | None, Funnel | None]:
    """As they were at some moment of the last minute."""
    global _kept  # noqa: PLW0603 -- as above
    if _kept is None or monotonic() > _kept[0]:
        now = timezone.now()
        _kept = (monotonic() + _KEPT, hooks.coverage(now), hooks.funnel(now - _DAY, now=now))
    return _kept[1:]


def _recovery() -> Iterable[Metric]:
    coverage, funnel = _numbers()
    if coverage is not None:
        yield from _coverage(coverage)
    if funnel is not None:
        yield from _funnel(funnel)


metrics.sources.append(_recovery)


def _coverage(found: Coverage) -> Iterable[Metric]:
    accounts = {"all": found.accounts, "registered": found.registered, "ready": found.ready}
    administrators = {"all": found.administrators, "ready": found.administrators_ready}
    for name, what, states in (
        ("regain_recovery_accounts", "Active accounts, by whether they could get back in.", accounts),
        ("regain_recovery_administrators", "Those of them that administer the tenant.", administrators),
    ):
        yield metrics.gauge(name, what, ("state",), [((state,), number) for state, number in states.items()])
    yield metrics.gauge(
        "regain_recovery_ways",
        "Active accounts that could use this way back.",
        ("method",),
        [((way.name,), way.accounts) for way in found.ways],
    )


def _funnel(found: Funnel) -> Iterable[Metric]:
    yield metrics.gauge(
        "regain_recovery_journeys",
        "Recoveries begun in the last 24 hours, by how far they came and what has become of them.",
        ("problem", "stage", "fate"),
        [((each.problem, each.stage, each.fate), each.count) for each in found.fared],
    )
    if found.half_within is not None and found.most_within is not None:
        yield metrics.gauge(
            "regain_recovery_seconds",
            "From the beginning of a recovery until it was of use, of those begun in the last 24 hours.",
            ("quantile",),
            [
                (("0.5",), found.half_within.total_seconds()),
                (("0.95",), found.most_within.total_seconds()),
            ],
        )

"""`/console/people/…/`: what an account is, whether its owner would get back in, and what an administrator can do.

Where others have a button that resets a password stands why there is none, and what to tell the person. Addresses,
codes and names of factors are their owner's; here stands how many sessions there are, not where.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from idp import problems
from idp.account import readiness
from idp.account.readiness import Verdict
from idp.account.wording import day, when
from idp.accounts import credentials, powers, proposals, roles, sessions
from idp.audit import acts, events
from idp.conf import policy
from idp.console import entries, frame, matters, naming, wording
from idp.console.door import administrator
from idp.console.verbs import Verb
from idp.console.wording import Tag
from idp.models import AuditEntry, Proposal, SignIn, User
from idp.plugins import hooks

_RECENT = 8
#: After which events an account has the status it has.
_SINCE = {
    User.Status.SUSPENDED: (acts.AccountSuspended.name,),
    User.Status.STOPPED: (events.AccountStopped.name, acts.SuspensionLifted.name),
    User.Status.FROZEN: (events.AccountFrozen.name,),
    User.Status.DELETED: (events.AccountDeleted.name, acts.AccountRemoved.name),
}


@dataclass(frozen=True, kw_only=True)
class Offered:
    """Something that can be done, as a row of the list."""

    verb: Verb
    url: str
    title: str
    detail: str
    button: str
    icon: str


@require_safe
@administrator
def person(request: HttpRequest, here: SignIn, account: UUID) -> HttpResponse:
    """The page; as if it were not there for a key that is nobody's."""
    user = User.objects.filter(pk=account).first()
    if user is None:
        return problems.not_found(request)
    now = timezone.now()
    is_administrator = roles.is_administrator(user.pk)
    proposal = proposals.about(Proposal.Kind.ADMINISTRATOR, str(user.pk), now=now)
    last = SignIn.objects.filter(user=user).order_by("-authenticated_at").first()
    context = {
        "called": naming.called(user),
        "username": "" if user.status == User.Status.DELETED else user.preferred_username,
        "status": wording.status(User.Status(user.status)),
        "since": day(_since(user)),
        "is_deleted": user.status == User.Status.DELETED,
        "frozen_since": day(user.frozen_at) if user.frozen_at else "",
        "readiness": _readiness(user, now=now) if _has_readiness(user) else None,
        "is_administrator": is_administrator,
        "sessions": sessions.count(user.pk, policy=policy(), now=now),
        "last_sign_in": when(last.authenticated_at, now=now) if last else _("Not lately"),
        "is_own": user.pk == here.user_id,
        "sign_in_url": f"{settings.ISSUER}/sign-in",
        "offered": _offered(user, is_administrator=is_administrator, is_proposed=proposal is not None),
        "matter": matters.of(proposal, here.user_id, now=now) if proposal else None,
        "lines": entries.lines(AuditEntry.objects.filter(user=user.pk).order_by("-sequence")[:_RECENT], now=now),
        "history_url": f"{frame.AUDIT}?account={user.pk}",
        "done": _done(request.GET.get("done", "")),
    }
    return frame.show(request, here, "idp/console/person.html", context)


def _since(user: User) -> datetime:
    """Since when it has its status: of a time that nobody wrote down, since it exists."""
    names = _SINCE.get(User.Status(user.status), (events.AccountReopened.name, acts.SuspensionLifted.name))
    found = AuditEntry.objects.filter(user=user.pk, name__in=names).order_by("-sequence").values_list("at", flat=True)
    return found.first() or user.created_at


# --- Whether they would get back in -----------------------------------------------------------------------


def _has_readiness(user: User) -> bool:
    return hooks.tells_ways_back() and user.status not in (User.Status.INVITED, User.Status.DELETED)


@dataclass(frozen=True, kw_only=True)
class _Readiness:
    tag: Tag
    sentence: str
    ways: str


def _readiness(user: User, *, now: datetime) -> _Readiness:
    """As their own security page judges it, in two words; how many ways, and not which."""
    back = hooks.ways_back(user.pk, now=now)
    kinds = tuple(each.kind for each in credentials.factors_of(user))
    verdict = readiness.judge(readiness.Facts(ways=back.ways, needed=back.needed, factors=kinds)).verdict
    count = len(back.ways)
    tag, sentence = {
        Verdict.READY: (Tag(label=_("Able"), tone="ok"), _("also after losing the phone, or the mailbox")),
        Verdict.NEVER: (Tag(label=_("Not yet"), tone="warn"), _("too few ways back are set up")),
    }.get(verdict, (Tag(label=_("Fragile"), tone="warn"), _("losing one thing would be enough to stay out")))
    if verdict is not Verdict.NEVER and not back.suffice:
        tag, sentence = Tag(label=_("Not yet"), tone="warn"), _("too few ways back are set up")
    return _Readiness(
        tag=tag,
        sentence=sentence,
        ways=ngettext("%(n)d way back", "%(n)d ways back", count) % {"n": count},
    )


# --- What can be done -------------------------------------------------------------------------------------


def _offered(user: User, *, is_administrator: bool, is_proposed: bool) -> list[Offered]:
    possible = {
        Verb.SESSIONS: user.status != User.Status.DELETED,
        Verb.SUSPEND: user.status in powers.SUSPENDABLE,
        Verb.RECOVER: user.status == User.Status.ACTIVE and user.frozen_at is None and bool(hooks.activation()),
        Verb.LIFT: user.status == User.Status.SUSPENDED,
        Verb.PROMOTE: user.status == User.Status.ACTIVE and not is_administrator and not is_proposed,
        Verb.DEMOTE: is_administrator,
        Verb.DELETE: user.status not in (User.Status.INVITED, User.Status.DELETED),
    }
    return [_row(verb, user.pk) for verb, may in possible.items() if may]


def _row(verb: Verb, account: UUID) -> Offered:
    title, detail, button, icon = {
        Verb.SESSIONS: (
            _("End sessions"),
            _("Signs them out everywhere. Gives nobody access."),
            _("End sessions"),
            "leave",
        ),
        Verb.SUSPEND: (
            _("Suspend"),
            _("Nobody can sign in to this account until it is lifted."),
            _("Suspend"),
            "lock",
        ),
        Verb.RECOVER: (
            _("Require a recovery"),
            _("They prove who they are before the next sign-in, and set a new password."),
            _("Require it"),
            "shield",
        ),
        Verb.LIFT: (
            _("Lift the suspension"),
            _("The account is again what it was before. Their password and the rest are as they left them."),
            _("Lift"),
            "key",
        ),
        Verb.PROMOTE: (
            _("Make them an administrator"),
            _("Takes a second administrator and a delay, and all of you are told."),
            _("Propose"),
            "shield",
        ),
        Verb.DEMOTE: (
            _("End the administrator role"),
            _("At once. All administrators are told."),
            _("End the role"),
            "person",
        ),
        Verb.DELETE: (
            _("Delete the account"),
            _("Cannot be undone. A new account gets a new identity."),
            _("Delete"),
            "alert",
        ),
    }[verb]
    url = f"{naming.url(account)}{verb}/"
    return Offered(verb=verb, url=url, title=title, detail=detail, button=button, icon=icon)


def _done(word: str) -> str:
    """What was just done; its own word in our own address."""
    return {
        Verb.SESSIONS: _("Done. They are signed out everywhere, and applications are being told."),
        Verb.SUSPEND: _("Done. Nobody can sign in to this account, and everybody in it was signed out."),
        Verb.RECOVER: _("Done. Nobody signs in to this account before its owner has recovered it."),
        Verb.LIFT: _("Done. The account is again what it was before."),
        Verb.PROMOTE: _("Done. It is proposed now, and the other administrators are being told."),
        Verb.DEMOTE: _("Done. They are no longer an administrator."),
        Verb.DELETE: _("Done. The account is deleted, and nobody gets its names again."),
    }.get(word, "")

"""Telling applications that a sign-in is over (OpenID Connect Back-Channel Logout 1.0): who is to be told, as rows.

One message for each application and sign-in, written where the sign-in ends, in the same transaction. It names the
grant and nothing else; `idp.oidc.backchannel` makes the logout token of it when the message is sent.
"""

from datetime import datetime, timedelta

from django.db.models import Q

from idp import outbox
from idp.models import Grant

KIND = "idp.backchannel_logout"
QUEUE = "logout"
#: Whoever did not hear it for so long has to ask us again anyway: no token of the grant is alive then.
_USEFUL_FOR = timedelta(hours=1)


def post(which: Q, *, now: datetime) -> int:
    """Write a message to each application that was told of one of these sign-ins. Returns to how many applications.

    `which` selects grants. Called before they end; an application whose grant ended already has a session all the
    same, and is told.
    """
    grants = (
        Grant.objects.filter(which, client__disabled_at=None, code_redeemed_at__isnull=False)
        .exclude(client__backchannel_logout_uri="")
        .exclude(sign_in=None)
        .order_by("created_at")
        .values_list("client_id", "sign_in_id", "pk", "user_id")
    )
    newest = {(client, sign_in): (grant, user) for client, sign_in, grant, user in grants}
    outbox.post(
        *(
            outbox.Draft(
                kind=KIND,
                queue=QUEUE,
                user=user,
                address=None,
                reference=sign_in,
                number=number,
                facts={"grant": str(grant)},
                not_after=now + _USEFUL_FOR,
            )
            for number, ((_client, sign_in), (grant, user)) in enumerate(newest.items(), start=1)
        ),
        now=now,
    )
    return len({client for client, _sign_in in newest})

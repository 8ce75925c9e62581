"""manage.py break_glass_admin EMAIL: a new administrator, when none can get in any more."""

from getpass import getpass

from django.conf import settings
from django.core.management.base import CommandError
from django.utils import timezone

from idp.accounts import break_glass
from idp.accounts.break_glass import Halves, NotOpened, Refusal
from idp.accounts.invitations import Guest, NotInvited
from idp.conf import policy
from idp.management.commands import invite
from idp.models import Role

_WHY = {
    Refusal.NO_VERIFIER: "BREAK_GLASS_VERIFIER is not set: no emergency key was made (`make_break_glass_keys`) while"
    " there was time.",
    Refusal.WRONG_HALVES: "These are not the two halves of the key, in their order.",
    Refusal.NO_ADMINISTRATOR: "There is no administrator yet: `manage.py bootstrap_admin EMAIL` invites the first one.",
    Refusal.SIGNED_IN: "An administrator has signed in within the last {days} days. One who can get in invites others.",
    Refusal.INVITED: "An administrator is invited already. `--again` sends another letter to the same address;"
    " `manage.py cancel_invitation EMAIL` takes the invitation back.",
}


class Command(invite.Command):
    help = (
        "Invite a new administrator when no administrator can get in any more. Asks for both halves of the emergency "
        "key. Refuses while one of them has signed in lately; tells all of them; brings nobody's old account back."
    )
    role = Role.Name.ADMINISTRATOR

    def invite(self, guest: Guest) -> None:
        halves = Halves(first=getpass("First half: "), second=getpass("Second half: "))
        try:
            break_glass.invite(
                guest, halves, verifier=settings.BREAK_GLASS_VERIFIER, policy=policy(), now=timezone.now()
            )
        except NotOpened as error:
            raise CommandError(_WHY[error.refusal].format(days=policy().break_glass_after.days)) from None
        except NotInvited as error:
            raise CommandError(invite.WHY[error.refusal].format(email=guest.email)) from None
        self.stdout.write("Every administrator is told, and the console says so for 30 days.")

"""manage.py bootstrap_admin EMAIL: the invitation of the first administrator."""

from typing import Any

from django.core.management.base import CommandError

from idp.accounts import invitations, roles
from idp.accounts.invitations import Guest
from idp.management.commands import invite
from idp.models import Role


class Command(invite.Command):
    help = (
        "Invite the first administrator. Refuses once there is one, also if that one cannot sign in: nobody gets in on "
        "anybody's behalf. Further administrators are made in the console, by two."
    )
    role = Role.Name.ADMINISTRATOR

    def handle(self, *args: Any, **options: Any) -> None:
        if roles.administrators():
            raise CommandError(
                "There is an administrator. Further ones are made in the console: one administrator proposes, another"
                " agrees."
            )
        super().handle(*args, **options)
        self.stdout.write("With it they become an administrator. They need a second factor before the console opens.")

    def invite(self, guest: Guest) -> None:
        if invitations.with_role(Role.Name.ADMINISTRATOR).exists():
            raise CommandError(
                "An administrator is invited already. `--again` sends another letter to the same address;"
                " `manage.py cancel_invitation EMAIL` takes the invitation back."
            )
        super().invite(guest)

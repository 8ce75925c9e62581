"""manage.py invite EMAIL: a letter whose reader sets up an account of their own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from idp.accounts import invitations
from idp.accounts.invitations import Guest, NotInvited, Refusal
from idp.conf import policy
from idp.models import Role
from idp.plugins import hooks

WHY = {
    Refusal.NO_ADDRESS: "{email} is not an e-mail address.",
    Refusal.UNFIT: "The address, user name or name is too long, or has characters that none has.",
    Refusal.TAKEN: "There is an account with this address or user name. Its owner gets in by the sign-in page, and by"
    " “Can't access your account?” there; nobody can do it for them.",
    Refusal.INVITED: "{email} is invited already. `manage.py invite --again {email}` sends another letter.",
    Refusal.BURIED: "This was the address or user name of a deleted account; it is not given again.",
}


class Command(BaseCommand):
    help = "Invite somebody by e-mail: they set their own password. Exits 1 and says why if nobody was invited."
    #: What comes along with the account; `bootstrap_admin` has one.
    role = ""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", metavar="EMAIL", help="where the letter goes; it becomes their first way back")
        parser.add_argument("--username", default="", help="what they sign in with, besides the address")
        parser.add_argument("--name", default="", help="what they are called")
        parser.add_argument("--again", action="store_true", help="send another letter; links of earlier ones die")

    def handle(self, *args: Any, **options: Any) -> None:
        if not hooks.activation():
            raise CommandError(
                "No app of IDP_PLUGINS has a page for invited people: add recovery.plugin.RecoveryPlugin."
            )
        if options["again"]:
            self.send_again(options["email"])
        else:
            guest = Guest(email=options["email"], username=options["username"], name=options["name"])
            self.invite(guest)
        hours = int(policy().invitation_lifetime.total_seconds() // 3600)
        self.stdout.write(f"A letter to {options['email']} is on its way. Its link works once, for {hours} hours.")

    def invite(self, guest: Guest) -> None:
        try:
            invitations.invite(guest, by=None, role=self.role, policy=policy(), now=timezone.now())
        except NotInvited as error:
            raise CommandError(WHY[error.refusal].format(email=guest.email)) from None

    def send_again(self, email: str) -> None:
        found = invitations.at(email)
        # Whose role it brings is not for another command to send.
        again = found is not None and found.role == self.role
        if not again or not invitations.send_again(found.pk, by=None, policy=policy(), now=timezone.now()):
            kind = "an administrator" if self.role == Role.Name.ADMINISTRATOR else "somebody"
            raise CommandError(f"There is no open invitation of {kind} at {email}.")

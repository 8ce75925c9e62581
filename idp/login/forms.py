"""What the sign-in form sends, taken as text and bounded; nothing is trimmed off a password."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from idp.accounts.lookup import LONGEST
from idp.pages import Problem

#: Longer than any password that could have been set; anything beyond is not hashed.
_LONGEST_PASSWORD = 1024


#: Longer than any code with any spacing.
_LONGEST_CODE = 100


class SignInForm:
    """User name and password as typed; and a code, where the page has a field for one."""

    def __init__(self, posted: Mapping[str, str]) -> None:
        self.username = posted.get("username", "").strip()
        self.password = posted.get("password", "")
        self.otp = posted.get("otp", "").strip()[: _LONGEST_CODE + 1]

    def faults(self) -> list[Problem]:
        """What to mend before anything is looked up. The same for every account, known or not."""
        if not self.username:
            return [Problem("username", _("Enter your email or username"))]
        if not self.password:
            return [Problem("password", _("Enter your password"))]
        if len(self.username) > LONGEST or len(self.password) > _LONGEST_PASSWORD:
            return [Problem("password", _("That username and password don't match"))]
        return []

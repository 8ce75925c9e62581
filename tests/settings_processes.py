"""Settings for a whole Regain of the tests and benchmarks: those that ship, except that people are not asked for more.

Their people have one address each, all come from one network, and come to see something else. Who wants to see that
asks for `config.settings` (tests/browser/test_registration.py, tests/browser/test_work.py).
"""

from datetime import timedelta

from config.settings import *  # noqa: F403
from config.settings import RECOVERY
from idp.conf import Limit

#: Nobody is asked at sign-in for a second way back, or whether an address is still theirs.
NOT_ASKED = {"ways_wanted": 0, "reconfirm_after": timedelta(0)}
#: However many begin, none has a task to do first.
NO_TASKS = {name: Limit(count=1_000_000, per=timedelta(hours=1)) for name in ("work_after", "work_after_everywhere")}
RECOVERY = {**RECOVERY, **NOT_ASKED, **NO_TASKS}

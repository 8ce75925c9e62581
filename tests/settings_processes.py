"""Settings for a whole Regain of the tests and benchmarks: those that ship, except that people are not asked for more.

Their people have one address each, and come to see something else. Who wants to see that asks for `config.settings`
(tests/browser/test_registration.py).
"""

from datetime import timedelta

from config.settings import *  # noqa: F403
from config.settings import RECOVERY

#: Nobody is asked at sign-in for a second way back, or whether an address is still theirs.
NOT_ASKED = {"ways_wanted": 0, "reconfirm_after": timedelta(0)}
RECOVERY = {**RECOVERY, **NOT_ASKED}

"""`python -m tests.faults.asking COUNT SECONDS FILE [FIRST]`: ask for so many codes, evenly over so many seconds.

What a page does, without the page: the intentions of recovery.flow, each in its own transactions, and the bell. For
each request the file gets a line of JSON: to whom, at what times, and which code it must be, derived from its row.
"""

import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import django

django.setup()

from django.utils import timezone  # noqa: E402 -- once Django is there

from idp.plugins import audit  # noqa: E402 -- as above
from recovery import codes, flow, journeys  # noqa: E402 -- as above
from recovery.domain.outcomes import Sent  # noqa: E402 -- as above
from recovery.domain.policy import Limit, RecoveryPolicy  # noqa: E402 -- as above
from recovery.methods import registry  # noqa: E402 -- as above
from recovery.methods.base import sends  # noqa: E402 -- as above
from tests.faults.soak import somebody  # noqa: E402 -- as above

_PLENTY = Limit(count=1_000_000, per=timedelta(hours=1))
POLICY = RecoveryPolicy(resend=_PLENTY, starts_per_network=_PLENTY)


def main() -> None:
    count, seconds = int(sys.argv[1]), float(sys.argv[2])
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    began = time.monotonic()
    with Path(sys.argv[3]).open("w", encoding="utf-8", buffering=1) as asked:
        for number in range(count):
            time.sleep(max(0.0, began + number * seconds / count - time.monotonic()))
            asked.write(json.dumps(ask(first + number)) + "\n")


def ask(number: int) -> dict[str, object]:
    """One person's way from the name to the code, with nobody at the browser; a hundred come from one network."""
    name = somebody(number)
    address, at = f"{name}@contoso.example", time.time()
    network = f"10.{number // 25600}.{number // 100 % 256}.0/24"
    context = flow.Context(now=timezone.now(), policy=POLICY, origin=audit.Origin(network=network))
    begun = flow.begin(name, interaction_id="", replaces=None, context=context)
    assert isinstance(begun, flow.Begun)
    method = registry.find("email")
    assert sends(method)
    flow.choose_problem(held(begun), "forgot")
    flow.choose_method(held(begun), method, context=context)
    waiting = held(begun)
    posting_at = time.time()
    assert isinstance(flow.send_challenge(waiting, method, address, context=context), Sent)
    row = held(begun).row
    challenge = journeys.challenge(row, method.id)
    assert challenge is not None
    code = codes.code(challenge, row.subject, challenge.generation, digits=POLICY.otp.digits)
    return {"to": address, "at": at, "posting_at": posting_at, "code": code}


def held(begun: flow.Begun) -> journeys.Held:
    found = journeys.load(begun.browser_key, now=timezone.now())
    assert found is not None
    return found


if __name__ == "__main__":
    main()

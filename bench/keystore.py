"""`python -m bench.keystore`: what a key in a token costs, beside the same in memory. The token is SoftHSM's.

Told are times of one seal and one signature, and their ratio: a module in a box or a network adds its round trip.
"""

import sys
from collections.abc import Callable
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from idp.keystore import held, uri
from idp.keystore.memory import InMemory
from idp.keystore.roots import InToken, names
from idp.keystore.token import Token
from tests.servers import Missing
from tests.tokens import soft_token

_TIMES = 2000
_ROUNDS = 7


def main() -> int:
    try:
        token = Token(uri.read(soft_token().uri))
    except Missing as missing:
        print(missing, file=sys.stderr)
        return 1
    token.make_secret_keys(*names("b1"))
    name, public = token.make_signing_key("ES256")
    kept = held.private_key(lambda: token, name=name, alg="ES256", public=public)
    here = ec.generate_private_key(ec.SECP256R1())
    roots = InMemory(bytes(range(32))), InToken(token, "b1")
    row, jwt = b"a row of some two hundred bytes, of which none is known to anybody" * 3, b"header.payload" * 40
    say("seal", *(beside(*((lambda root=root: root.mac(b"label", row)) for root in roots))))
    say("ES256", *beside(*((lambda key=key: key.sign(jwt, ec.ECDSA(SHA256()))) for key in (here, kept))))
    return 0


def beside(*what: Callable[[], object]) -> list[float]:
    """Microseconds of each, the least of several rounds in which they take turns."""
    least = [float("inf")] * len(what)
    for _round in range(_ROUNDS):
        for number, once in enumerate(what):
            began = perf_counter()
            for _time in range(_TIMES):
                once()
            least[number] = min(least[number], (perf_counter() - began) / _TIMES * 1e6)
    return least


def say(what: str, in_memory: float, in_token: float) -> None:
    print(f"{what}: {in_memory:.1f} µs in memory, {in_token:.1f} µs in the token, {in_token / in_memory:.1f} times")


if __name__ == "__main__":
    sys.exit(main())

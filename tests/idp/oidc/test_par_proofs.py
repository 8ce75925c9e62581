"""A proof of possession, or the thumbprint of a key, sent with a pushed request (RFC 9449 10): it binds the code."""

import pytest
from django.utils import timezone

from idp.models import Grant, Interaction
from tests.idp.oidc.conftest import ISSUER, answer
from tests.idp.oidc.proofs import key_for, proof
from tests.idp.oidc.pushing import bring, push, pushed

PAR = f"{ISSUER}/par"


def test_a_proof_binds_the_code(signed_in):
    key = key_for("ES256")
    answer(bring(signed_in, pushed(signed_in, proof=proof(key, url=PAR))))
    assert Grant.objects.get().dpop_jkt == key.thumbprint()


def test_dpop_jkt_binds_the_code_wherever_it_is_sent(signed_in):
    jkt = key_for("ES256").thumbprint()
    answer(bring(signed_in, pushed(signed_in, dpop_jkt=jkt)))
    signed_in.code(dpop_jkt=jkt)
    assert set(Grant.objects.values_list("dpop_jkt", flat=True)) == {jkt}


def test_proof_and_thumbprint_must_agree(signed_in):
    key, other = key_for("ES256"), key_for("ES256", 1)
    assert pushed(signed_in, dpop_jkt=key.thumbprint(), proof=proof(key, url=PAR))
    response = push(signed_in, dpop_jkt=other.thumbprint(), proof=proof(key, url=PAR))
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")


@pytest.mark.parametrize("skew", [-10, 10])
def test_ten_seconds_of_skew_are_fine(signed_in, skew):
    at = int(timezone.now().timestamp()) + skew
    assert pushed(signed_in, proof=proof(url=PAR, iat=at))


BAD_PROOFS = [
    lambda: "nonsense",
    lambda: proof(url=f"{ISSUER}/token"),
    lambda: proof(url=PAR, method="GET"),
    lambda: proof(url=PAR, alg="RS256"),
    lambda: proof(url=PAR, iat=1),
]


@pytest.mark.parametrize("bad", BAD_PROOFS)
def test_a_bad_proof_is_refused(signed_in, bad):
    response = push(signed_in, proof=bad())
    assert (response.status_code, response.json()["error"]) == (400, "invalid_dpop_proof")
    assert not Interaction.objects.exists()

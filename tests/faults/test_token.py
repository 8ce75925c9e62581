"""Every program of the Procfile with its keys in a token: forked workers, threads of web, and an outage."""

import pytest
import requests

from idp.keystore import uri, where
from tests.browser.conftest import lacking
from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to, sign_in
from tests.faults.conftest import until_ready
from tests.processes import running
from tests.servers import Missing, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.once]


@pytest.fixture
def regain(soft_token, tmp_path):
    address = soft_token.uri
    where.create_root_key("h1", uri.read(address))
    variables = {"REGAIN_ROOT_KEYS": "h1:pkcs11", "PKCS11_URI": address, **soft_token.environment}
    try:
        with running(tmp_path, **variables) as whole:
            until_ready(whole.programs["worker"])
            yield whole
    except Missing as missing:
        lacking(str(missing))


def test_people_sign_in_and_recover_and_an_outage_lets_nobody_in(regain, soft_token):
    person, visitor = regain.somebody(), Visitor(regain)
    ask_for_a_code(visitor, person)
    visitor.submit(code=code_in(mail_to(regain, person)))
    assert visitor.name == "recovery-new-password"
    other = Visitor(regain)
    other.open("/sign-in")
    sign_in(other, regain.somebody())
    assert other.name == "account"
    with soft_token.away():
        assert ready(regain) == 503
        other.open("/account/")
        assert other.status == 503
    wait_until(lambda: ready(regain) == 200, "Regain after the outage")
    other.open("/account/")
    assert other.name == "account"
    assert "h1." in str(regain.rows("SELECT seal FROM idp_credential"))
    regain.manage("verify_audit")
    regain.manage("verify_seals")


def ready(regain):
    return requests.get(f"{regain.issuer}/readyz", timeout=10).status_code

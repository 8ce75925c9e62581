"""Programs that act for themselves: requests-oauth2client gets a token, and another registration asks about it."""

import json
import subprocess

import pytest

from tests.interop.conftest import lacking
from tests.interop.peers import python
from tests.processes import inherited, register
from tests.servers import Missing

pytestmark = [pytest.mark.interop, pytest.mark.processes]

LEDGER = "https://ledger.contoso.example/"


def test_a_server_learns_what_a_token_is_worth(regain):
    try:
        command = python("requests_oauth2client/machine.py")()
    except Missing as missing:
        lacking(str(missing))
    program = register(
        regain,
        {"client_name": "Night run", "grant_types": ["client_credentials"], "resources": [LEDGER]},
    )
    server = register(regain, {"client_name": "Ledger", "grant_types": [], "resources": [LEDGER]})
    told = {
        "ISSUER": regain.issuer,
        "CLIENT_ID": program["client_id"],
        "CLIENT_SECRET": program["client_secret"],
        "SERVER_ID": server["client_id"],
        "SERVER_SECRET": server["client_secret"],
        "RESOURCE": LEDGER,
    }
    ran = subprocess.run(command, env=inherited() | told, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr
    learnt = json.loads(ran.stdout)
    assert learnt["given_back"] == learnt["made_up"] == {"active": False}
    good = learnt["good"]
    assert good["active"] is True
    assert (good["iss"], good["aud"], good["client_id"]) == (regain.issuer, LEDGER, program["client_id"])
    assert good["sub"] == program["client_id"], "never a person's"

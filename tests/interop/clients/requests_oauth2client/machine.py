"""A program that acts for itself, and the server it asks, with requests-oauth2client.

ISSUER, CLIENT_ID and CLIENT_SECRET are the program's; RESOURCE is the address of the server, which asks the provider
about tokens with a registration of its own, SERVER_ID and SERVER_SECRET. Prints what the server learns: of a good
token, of the same token after the program gave it back, and of one that somebody made up.
"""

import json
import os
import sys

from requests_oauth2client import ClientSecretBasic, OAuth2Client

ISSUER = os.environ["ISSUER"]


def registered_as(client_id: str, client_secret: str) -> OAuth2Client:
    return OAuth2Client.from_discovery_endpoint(
        issuer=ISSUER,
        auth=ClientSecretBasic(client_id, client_secret),
        testing=ISSUER.startswith("http://localhost:"),  # plain http is for trying it out on one machine
    )


program = registered_as(os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
server = registered_as(os.environ["SERVER_ID"], os.environ["SERVER_SECRET"])

token = program.client_credentials(resource=os.environ["RESOURCE"])
told = {"good": server.introspect_token(token)}
program.revoke_access_token(token)
told["given_back"] = server.introspect_token(token)
told["made_up"] = server.introspect_token("made-up")
sys.stdout.write(json.dumps(told))

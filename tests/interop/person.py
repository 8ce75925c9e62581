"""Somebody at a browser without scripts who uses an application of somebody else's; and an attacker on the way."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import requests

from tests.browser.visitor import Visitor
from tests.interop.peers import Running
from tests.processes import PASSWORD, Inhabitant, Regain


class Person(Visitor):
    """Opens pages of an application and of the provider, and sends their forms."""

    def __init__(self, regain: Regain, who: Inhabitant) -> None:
        super().__init__(regain)
        self.who = who
        self.answer = requests.Response()

    @property
    def name(self) -> str:
        """Which of the provider's pages this is; none of an application's."""
        return next((body.get("data-page", "") for body in self.page.all("body")), "")

    @property
    def told(self) -> dict[str, Any]:
        """What the application's page says."""
        assert "json" in self.answer.headers.get("Content-Type", ""), f"{self.status} {self.url}: {self.answer.text}"
        return self.answer.json()

    def sign_in(self, application: Running, *, until: str = "\n") -> None:
        """From the application, by the hosted pages, and back."""
        self.open(application.url(application.peer.sign_in))
        self.type_password(until=until)

    def type_password(self, *, until: str = "\n") -> None:
        """On the sign-in page, and allow what is asked for."""
        assert self.name == "sign-in", f"{self.status} {self.url}: {self.answer.text[:2000]}"
        self.submit(username=self.who.username, password=PASSWORD, until=until)
        if self.name == "consent":
            self.allow(until=until)

    def allow(self, *, until: str = "\n") -> None:
        """On the consent page: what a browser sends is what is ticked, and the button."""
        ticked = [each["value"] for each in self.page.all("input") if each.get("name") == "scope"]
        self.submit(scope=ticked, decision="allow", until=until)

    def at_the_provider(self) -> str:
        """Which page the provider shows who asks for their account: `account`, or `sign-in` if signed out."""
        self.open(f"{self.regain.issuer}/account/")
        return self.name

    def send(self, url: str) -> None:
        """Press a button of the application that sends a form without fields."""
        self._arrive(self._send("POST", url), "\n")

    def _send(self, method: str, url: str, data: dict | None = None) -> requests.Response:
        self.answer = super()._send(method, url, data)
        return self.answer


def changed(url: str, **changes: str | None) -> str:
    """The address with other parameters; None leaves one out."""
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    return parts._replace(query=urlencode({k: v for k, v in query.items() if v is not None})).geturl()


def parameters(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


def asked(person: Person, application: Running) -> str:
    """The authorization request that the application sends this browser away with."""
    person.open(application.url(application.peer.sign_in), until=f"{person.regain.issuer}/authorize")
    return urljoin(person.regain.issuer, person.url)

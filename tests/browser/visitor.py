"""Somebody at a browser without scripts, speaking real HTTP to real processes; notes every secret it is handed."""

import re
from email.message import EmailMessage
from http.cookies import SimpleCookie
from urllib.parse import urljoin

import requests

from tests.hosted import Page
from tests.processes import PASSWORD, Inhabitant, Regain

CODE = re.compile(r"\b(\d{4}) (\d{4})\b")
DEVICE = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


class Visitor:
    """Opens pages, sends their forms, follows redirects one by one."""

    def __init__(self, regain: Regain) -> None:
        self.regain = regain
        self.http = requests.Session()
        self.http.headers["User-Agent"] = DEVICE
        #: Every value of every cookie the provider ever set here, by its name.
        self.cookies: dict[str, set[str]] = {}
        self.url = ""
        self.status = 0
        self.page = Page("")

    def open(self, url: str, *, until: str = "\n") -> None:
        """Go there, and on wherever it leads; not to addresses that begin with `until`."""
        self._arrive(self._send("GET", urljoin(self.url or self.regain.issuer, url)), until)

    def submit(self, *, until: str = "\n", **fields: str) -> None:
        """Send the page's form with what was typed and what it carries along."""
        hidden = [e for e in self.page.all("input") if e.get("type") == "hidden" or "readonly" in e]
        carried: dict[str, list[str]] = {}
        for element in hidden:
            carried.setdefault(element["name"], []).append(element.get("value") or "")
        data = {name: values if name == "scope" else values[:1] for name, values in carried.items()} | fields
        self._arrive(self._send("POST", self.url, data), until)

    @property
    def name(self) -> str:
        """Which page this is."""
        return self.page.body["data-page"] if self.page.all("body") else ""

    @property
    def delivery(self) -> str:
        """How far the message has come, says the page."""
        (state,) = (e["data-delivery"] for e in self.page.elements if "data-delivery" in e)
        return state

    def _send(self, method: str, url: str, data: dict | None = None) -> requests.Response:
        origin = {"Origin": self.regain.issuer} if method == "POST" else {}
        response = self.http.request(method, url, data=data, headers=origin, allow_redirects=False, timeout=20)
        for line in response.raw.headers.getlist("Set-Cookie"):
            for name, morsel in SimpleCookie(line).items():
                if morsel.value:
                    self.cookies.setdefault(name, set()).add(morsel.value)
        return response

    def _arrive(self, response: requests.Response, until: str) -> None:
        url = response.url
        for _hop in range(8):
            if "Location" not in response.headers:
                break
            url = urljoin(url, response.headers["Location"])
            if url.startswith(until):
                break
            response = self._send("GET", url)
        self.url, self.status = url, response.status_code
        self.page = Page(response.text if "html" in response.headers.get("Content-Type", "") else "")


def sign_in(visitor: Visitor, person: Inhabitant, password: str = PASSWORD, *, until: str = "\n") -> None:
    assert visitor.name == "sign-in", visitor.page.html
    visitor.submit(username=person.username, password=password, until=until)


def ask_for_a_code(visitor: Visitor, person: Inhabitant) -> None:
    """From wherever, to the page that waits for the code."""
    visitor.open("/recovery/?again=1")
    visitor.submit(identifier=person.username)
    visitor.submit(problem="forgot")
    visitor.submit(method="email")
    visitor.submit(address=person.email)
    assert visitor.name == "recovery-code", visitor.page.text


def mail_to(regain: Regain, person: Inhabitant, *, subject: str = "", seconds: float = 20) -> EmailMessage:
    """The newest letter to this person, as soon as there is one."""
    return regain.mail.wait_for(
        lambda letter: letter["To"] == person.email and subject in letter["Subject"],
        seconds,
    )


def code_in(letter: EmailMessage) -> str:
    """The code as its reader sees it: two groups of four."""
    body = letter.get_body(("plain",))
    assert body is not None
    found = CODE.search(body.get_content())
    assert found, body.get_content()
    return found[0]

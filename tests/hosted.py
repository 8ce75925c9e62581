"""Reading a hosted page the way a browser and a screen reader do."""

from collections import Counter
from html.parser import HTMLParser

from django.template.loader import render_to_string
from django.test import RequestFactory
from django.utils import translation

LANGUAGES = {"en": "en", "fr": "fr", "zh-hans": "zh-Hans"}


def render(template, context, *, language="en", path="/sign-in?i=abc"):
    """A page as its view would answer it, read."""
    with translation.override(language):
        return Page(render_to_string(template, context, RequestFactory().get(path)))


class Page(HTMLParser):
    """Elements in the order of the document, each a tag with its attributes and its text."""

    def __init__(self, html):
        super().__init__()
        self.html = html
        self.elements = []
        self._open = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        element = {"tag": tag, "text": "", **dict(attrs)}
        self.elements.append(element)
        if tag not in {"meta", "link", "input", "img", "br"}:
            self._open.append(element)

    def handle_endtag(self, tag):
        while self._open and self._open.pop()["tag"] != tag:
            pass

    def handle_data(self, text):
        for element in self._open:
            element["text"] += text

    def all(self, tag):
        return [element for element in self.elements if element["tag"] == tag]

    def by_id(self, name):
        """The element of that id, or None."""
        return next((element for element in self.elements if element.get("id") == name), None)

    def by_class(self, name):
        return [element for element in self.elements if name in (element.get("class") or "").split()]

    @property
    def body(self):
        return self.all("body")[0]

    @property
    def text(self):
        """What is read on the page, in one line."""
        return " ".join(self.all("main")[0]["text"].split())

    def form_of(self, name):
        """The submit buttons of a form, first the one that Enter presses."""
        inside = self.elements[self.elements.index(self.by_id(name)) :]
        return [e["id"] for e in inside if e["tag"] == "button" and e.get("type") != "button" and "id" in e]


def assert_sound(page, *, language="en", name):
    """What holds on every page: one h1, a title, a language, labels, and nothing that our CSP would stop."""
    assert page.all("html")[0]["lang"] == LANGUAGES[language]
    assert page.body["data-page"] == name
    assert len(page.all("h1")) == 1
    assert page.all("h1")[0]["text"].strip()
    assert len([e for e in page.all("title") if e["text"].strip(" -")]) == 1
    ids = Counter(element["id"] for element in page.elements if "id" in element)
    assert not [repeated for repeated, times in ids.items() if times > 1]
    assert not page.all("style")
    assert not [e for e in page.elements if "style" in e or any(key.startswith("on") for key in e)]
    scripts = [script["src"] for script in page.all("script")]
    assert scripts in (["/static/regain/regain.js"], ["/static/regain/regain.js", "/static/regain/passkey.js"])
    assert not [script for script in page.all("script") if script["text"]]
    for field in page.all("input"):
        if field.get("type") not in {"hidden", "checkbox"} and field.get("aria-hidden") != "true":
            assert [label for label in page.all("label") if label.get("for") == field["id"]], field
            assert field.get("autocomplete"), field
            assert "placeholder" not in field
            assert "maxlength" not in field or field["id"] == "name", "a pasted code with a space in it would be cut"
    for element in page.elements:
        for described in (element.get("aria-describedby") or "").split():
            assert page.by_id(described), described
        if element["tag"] == "a" and element["href"].startswith("#"):
            assert page.by_id(element["href"][1:]), element["href"]
    for form in page.all("form"):
        assert form["method"] == ("get" if form.get("role") == "search" else "post")
    sent = [form for form in page.all("form") if form["method"] == "post"]
    assert len(sent) == page.html.count("csrfmiddlewaretoken")
    for field in page.all("select"):
        assert [label for label in page.all("label") if label.get("for") == field["id"]], field


def assert_says_what_to_mend(page, *, field, message):
    """The title, the summary and the field all say it, and they are linked (WCAG 2.2, 3.3.1)."""
    assert page.all("title")[0]["text"].startswith(("Error:", "Erreur\u00a0:", "错误："))
    summary = next(e for e in page.elements if e.get("role") == "alert")
    assert message in summary["text"]
    assert summary["tabindex"] == "-1"
    assert f"#{field}" in [e.get("href") for e in page.all("a")]
    assert page.by_id(field)["aria-invalid"] == "true"
    assert f"{field}-error" in page.by_id(field)["aria-describedby"].split()
    assert message in page.by_id(f"{field}-error")["text"]

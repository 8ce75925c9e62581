"""Every sentence is there in every language: found in the source, translated, compiled, with the same blanks.

What `makemessages` would find is found here without its programs, so that this runs wherever Python does.
"""

import ast
import re
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
CATALOGUES = sorted(ROOT.glob("*/locale/*/LC_MESSAGES/django.po"))
APPS = ("idp", "recovery")
LANGUAGES = ("fr", "zh_Hans")

_CALLS = {
    "_": "s",
    "gettext": "s",
    "gettext_lazy": "s",
    "gettext_noop": "s",
    "pgettext": "cs",
    "pgettext_lazy": "cs",
    "ngettext": "sp",
    "ngettext_lazy": "sp",
    "npgettext": "csp",
    "npgettext_lazy": "csp",
}
#: What `templatize` writes between the masked text of a template: calls of gettext, as Python source.
_LITERAL = re.compile(r"""u?(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")
_IN_TEMPLATE = re.compile(rf"(?<!\w)(?P<call>_|n?p?gettext)\((?P<strings>(?:{_LITERAL.pattern}[,\s]*)+)")
_BLANK = re.compile(r"%(?:\(\w+\))?[a-z%]")
_TAG = re.compile(r"</?\w+[^>]*>")
_APOSTROPHE_LEFT_STRAIGHT = re.compile(r"\w'\w")


def test_every_app_speaks_every_language():
    assert [path.relative_to(ROOT).parts[:3:2] for path in CATALOGUES] == [
        (app, language) for app in APPS for language in LANGUAGES
    ]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_catalogue_holds_what_the_source_says_and_nothing_else(app, language):
    catalogue = _catalogue(app, language)
    known = {(entry.msgctxt, entry.msgid, entry.msgid_plural or None) for entry in catalogue}
    said = _said_in(ROOT / app)
    assert said - known == set(), "run makemessages and translate these"
    assert known - said == set(), "nobody says these any more"


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_is_translated_with_the_same_blanks_and_tags(app, language):
    for entry in _catalogue(app, language):
        assert not entry.fuzzy, entry.msgid
        assert not entry.obsolete, entry.msgid
        for translated in _translations(entry):
            assert translated.strip(), entry.msgid
            for kind in (_BLANK, _TAG):
                expected = sorted(kind.findall(entry.msgid_plural or entry.msgid))
                assert sorted(kind.findall(translated)) == expected, entry.msgid


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_the_written_one(app, language):
    written = _catalogue(app, language)
    compiled = polib.mofile(str(_path(app, language).with_suffix(".mo")))
    assert compiled.metadata["Plural-Forms"] == written.metadata["Plural-Forms"]
    assert _content(compiled) == _content(written), "compile the catalogue again"


@pytest.mark.parametrize("app", APPS)
def test_french_is_typeset_as_french(app):
    for entry in _catalogue(app, "fr"):
        for translated in _translations(entry):
            if entry.msgid == "Can't access your account?" or "accéder à votre compte ?" in translated:
                continue  # this one sentence is fixed to the letter
            assert not re.search(r"[^\u00a0][?;»]|«[^\u00a0]|\w:(?:\s|$)", translated), translated
            assert not _APOSTROPHE_LEFT_STRAIGHT.search(translated), translated


@pytest.mark.parametrize("language", LANGUAGES)
def test_nobody_is_shouted_at(language):
    for app in APPS:
        for entry in _catalogue(app, language):
            assert not [text for text in (entry.msgid, *_translations(entry)) if re.search("[!！]", text)]


def _path(app, language):
    return ROOT / app / "locale" / language / "LC_MESSAGES" / "django.po"


def _catalogue(app, language):
    return polib.pofile(str(_path(app, language)))


def _translations(entry):
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def _content(catalogue):
    return {(entry.msgctxt, entry.msgid): _translations(entry) for entry in catalogue}


def _said_in(folder):
    """Context, singular and plural of every sentence marked for translation below `folder`."""
    in_python = (found for source in folder.rglob("*.py") for found in _calls_in(source))
    templates = [path for kind in ("html", "txt") for path in folder.glob(f"templates/**/*.{kind}")]
    in_templates = (found for template in templates for found in _tags_in(template))
    return {_sentence(call, strings) for call, strings in (*in_python, *in_templates)}


def _calls_in(source):
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            strings = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            if name in _CALLS and strings:
                yield name, strings


def _tags_in(template):
    for found in _IN_TEMPLATE.finditer(templatize(template.read_text(encoding="utf-8"), origin=str(template))):
        yield found["call"], [ast.literal_eval(text) for text in _LITERAL.findall(found["strings"])]


def _sentence(call, strings):
    parts = dict(zip(_CALLS[call], strings, strict=False))
    return parts.get("c"), parts["s"], parts.get("p")

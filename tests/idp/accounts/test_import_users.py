"""New accounts from another system: what becomes of a line, and what an import can never do."""

import io
import json
import tracemalloc
from base64 import b32decode
from datetime import UTC, datetime

import bcrypt
import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django_otp.oath import hotp
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from idp.accounts import credentials, importing, lookup, sealing
from idp.accounts.importing import NewAccount, Refused, parse
from idp.factors import enrolment, totp
from idp.models import AuditEntry, Credential, RecoveryAddress, User

PASSWORD = "correct horse battery staple"
HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(8)).decode()
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def line(**claims):
    anna = {
        "preferred_username": "anna",
        "email": "anna@contoso.example",
        "email_verified": True,
        "password_hash": HASH,
    }
    return json.dumps(anna | claims, ensure_ascii=False).encode()


def reason(**claims):
    return parse(line(**claims)).reason


def numbered(*lines):
    return enumerate(lines, start=1)


def load(*lines, now=NOW):
    loading = importing.load(numbered(*lines), totp=enrolment.imported_totp, now=now)
    return [outcome for _number, outcome in loading]


@pytest.fixture
def run(tmp_path):
    def run(*lines):
        path = tmp_path / "people.jsonl"
        path.write_bytes(b"\n".join(lines) + b"\n")
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command("import_users", str(path), stdout=out, stderr=err)
        except CommandError as error:
            return 1, out.getvalue(), err.getvalue() + str(error)
        return 0, out.getvalue(), err.getvalue()

    return run


# --- What a line says ---


def test_a_whole_line_is_taken_over():
    assert parse(line(name="Anna de Vries", locale="fr-CA")) == NewAccount(
        preferred_username="anna",
        email="anna@contoso.example",
        email_verified=True,
        name="Anna de Vries",
        locale="fr",
        password_hash="bcrypt$" + HASH,
    )


@pytest.mark.parametrize(
    ("tag", "stored"),
    [
        ("en", "en"),
        ("en_GB", "en"),
        ("fr", "fr"),
        ("zh-CN", "zh-hans"),
        ("zh-Hans", "zh-hans"),
        ("nl", ""),
        ("?!", ""),
    ],
)
def test_a_locale_becomes_the_nearest_language_there_is(tag, stored):
    account = parse(line(locale=tag))

    assert account.locale == stored
    assert account.left_out == (frozenset() if stored else {"locale"})


def test_the_address_is_the_user_name_of_who_has_none():
    assert parse(line(preferred_username=None)).preferred_username == "anna@contoso.example"


@pytest.mark.parametrize(
    ("claims", "says"),
    [
        ({"preferred_username": "", "email": None, "email_verified": False}, "neither a preferred_username"),
        (
            {"preferred_username": "   ", "email": None, "email_verified": False},
            "neither a preferred_username",
        ),
        ({"preferred_username": "x" * 151}, "more than 150 characters"),
        ({"preferred_username": "\ufdfa" * 20}, "more than 150 characters"),
        ({"preferred_username": "an\x00na"}, "cannot be seen or typed"),
        ({"preferred_username": "an\u202ena"}, "cannot be seen or typed"),
        ({"name": "Anna\nBcc: everybody"}, "cannot be seen or typed"),
        ({"name": "x" * 201}, "more than 200 characters"),
        ({"name": 7}, "name must be a text"),
        ({"email": "not an address"}, "not an address"),
        ({"email": "anna@contoso.example\nBcc: eve@evil.example"}, "cannot be seen or typed"),
        ({"email": "a" * 250 + "@contoso.example"}, "more than 254 characters"),
        ({"email": ["anna@contoso.example"]}, "email must be a text"),
        ({"email": None}, "there is no email"),
        ({"email_verified": "true"}, "true or false"),
        ({"email_verified": 1}, "true or false"),
        ({"password_hash": None, "email_verified": False}, "nobody could ever sign in"),
        ({"password_hash": "", "email_verified": False}, "nobody could ever sign in"),
        ({"password_hash": "hunter2"}, "names no scheme"),
        ({"password_hash": {"value": HASH}}, "password_hash must be a text"),
        ({"password": "hunter2"}, "password in clear"),
        ({"totp_secret": "JBSWY3DPEHPK3PX1"}, "not base 32"),
        ({"totp_secret": "otpauth://totp/x?secret=JBSWY3DPEHPK3PXP"}, "not base 32"),
        ({"totp_secret": "ключ"}, "not base 32"),
        ({"totp_secret": "JBSWY3DP"}, "totp_secret has 5 bytes"),
        ({"totp_secret": "A" * 160}, "totp_secret has 100 bytes"),
        ({"totp_secret": 7}, "totp_secret must be a text"),
        ({"pasword_hash": "x"}, "'pasword_hash'"),
        ({"given_name": 7}, "given_name must be a text"),
        ({"given_name": "An\u202ena"}, "cannot be seen or typed"),
        ({"nickname": "x" * 1001}, "more than 1000 characters"),
        ({"picture": "javascript:alert(1)"}, "not the address of a page"),
        ({"website": "https://[::1"}, "not the address of a page"),
        ({"birthdate": "1 May"}, "birthdate must be"),
        ({"phone_number": 31}, "phone_number must be a text"),
        ({"phone_number_verified": "true", "phone_number": "+31"}, "true or false"),
        ({"phone_number_verified": True}, "there is no phone_number"),
        ({"address": "Keizersgracht 1"}, "address must be an object"),
        ({"address": {"city": "Amsterdam"}}, "'city'"),
        ({"address": {"country": "N\x00L"}}, "cannot be seen or typed"),
        ({"address": {"country": "N\nL"}}, "cannot be seen or typed"),
        ({"groups": "staff"}, "groups must be a list"),
        ({"groups": ["staff", 7]}, "groups must be a list"),
        ({"groups": ["x"] * 501}, "more than 500 entries"),
        ({"groups": ["x" * 201]}, "more than 200 characters"),
        ({"updated_at": "yesterday"}, "number of seconds"),
        ({"updated_at": True}, "number of seconds"),
        ({"updated_at": 10**15}, "number of seconds"),
        ({"\x1b[2J": "x"}, r"'\x1b[2J'"),
    ],
)
def test_a_line_that_cannot_be_taken_over_whole_is_refused_in_a_sentence(claims, says):
    told = reason(**claims)

    assert says in told
    assert told.endswith((".", "?"))
    assert HASH not in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"not json", "not JSON"),
        (b"[1, 2]", "not an object"),
        (b"null", "not an object"),
        (b"\xff\xfe{}", "not UTF-8"),
        (b"[" * 60_000, "not JSON"),
        (b"9" * 5000, "not JSON"),
        (b'{"email": "a@b.example", "email": "c@d.example"}', "same name twice"),
        (b'{"name": "' + b"x" * 70_000 + b'"}', "more than 65536 bytes"),
        (b'{"name": "\\ud83d"}', "cannot be seen or typed"),
    ],
)
def test_a_line_of_something_else_is_refused(raw, says):
    assert says in parse(raw).reason


def test_what_is_null_is_not_said():
    assert parse(line(totp_secret=None, name=None, phone_number=None)).left_out == frozenset()


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from([*importing._TEXTS, *importing._TRUTHS, "sub", "other"]),
        st.one_of(st.none(), st.booleans(), st.text(max_size=30), st.integers(), st.emails(), st.just(HASH)),
    )
)
def test_any_object_is_taken_over_or_refused(claims):
    account = parse(json.dumps(claims).encode())

    if isinstance(account, NewAccount):
        assert account.preferred_username
        assert account.password_hash or account.email_verified
        assert account.email or not account.email_verified
    else:
        assert isinstance(account, Refused)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=200))
def test_any_bytes_are_taken_over_or_refused(raw):
    assert isinstance(parse(raw), NewAccount | Refused)


# --- What becomes of it ---


@pytest.mark.django_db
def test_an_imported_person_signs_in_with_the_password_they_have():
    assert load(line()) == [importing.Loaded()]

    found = lookup.find("ANNA@contoso.example")
    assert credentials.verify_password(found.user, found.credential, PASSWORD, now=NOW)
    assert not credentials.verify_password(found.user, found.credential, "something else", now=NOW)


@pytest.mark.django_db
def test_the_first_sign_in_brings_the_hash_up_to_date():
    load(line())
    found = lookup.find("anna")
    credentials.verify_password(found.user, found.credential, PASSWORD, now=NOW)

    stored = Credential.objects.get()
    assert stored.material.startswith("argon2$argon2id$")
    assert stored.version == 2
    assert sealing.is_genuine(stored)


@pytest.mark.django_db
def test_the_history_says_who_vouched_for_the_address():
    load(line(), line(preferred_username="ben", email="ben@contoso.example", email_verified=False))

    imported = AuditEntry.objects.filter(name="idp.account.imported").order_by("sequence")
    assert [entry.details["email_vouched_for"] for entry in imported] == [True, False]
    written = AuditEntry.objects.filter(name="idp.credential.written")
    assert {entry.details["earned"] for entry in written} == {"import"}


@pytest.mark.django_db
def test_an_unverified_address_never_receives_a_code():
    load(line(email_verified=False))

    user = User.objects.get()
    assert user.email == "anna@contoso.example"
    assert not user.email_verified
    assert not RecoveryAddress.objects.exists()


@pytest.mark.django_db
def test_a_verified_address_is_one_to_recover_with():
    load(line(password_hash=None))

    address = sealing.open_address(RecoveryAddress.objects.get())
    assert address.value == "anna@contoso.example"
    assert not Credential.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "claims",
    [
        {},
        {"preferred_username": "ANNA", "email": "other@contoso.example"},
        {"preferred_username": "other", "email": "Anna@Contoso.example"},
        {"preferred_username": "anna@contoso.example", "email": "other@contoso.example"},
        {"preferred_username": "anna@contoso.example", "email": None, "email_verified": False},
    ],
)
def test_an_existing_account_is_never_touched(claims):
    load(line(), now=datetime(2026, 1, 1, tzinfo=UTC))
    before = everything()

    (outcome,) = load(line(name="Eve", **claims))

    assert isinstance(outcome, Refused if claims else importing.AlreadyHere)
    assert everything() == before


def everything():
    tables = (User, Credential, RecoveryAddress, AuditEntry)
    return [list(table.objects.order_by("pk").values()) for table in tables]


@pytest.mark.django_db
def test_a_user_name_that_is_anothers_address_is_refused():
    load(line(), now=datetime(2026, 1, 1, tzinfo=UTC))

    (outcome,) = load(line(preferred_username="anna@contoso.example", email=None, email_verified=False))

    assert outcome == Refused("Another account has this user name; it was left as it is.")


@pytest.mark.django_db
def test_the_same_person_on_two_lines_is_refused_the_second_time():
    outcomes = load(line(), line(), line(preferred_username="ANNA", email=None, email_verified=False))

    assert outcomes[0] == importing.Loaded()
    assert outcomes[1:] == [Refused("An earlier line has the same user name.")] * 2


@pytest.mark.django_db
def test_the_same_person_in_two_batches_is_refused_too(monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 1)

    assert load(line(), line())[1] == Refused("An earlier line has the same user name.")


def people(*names, **claims):
    return [line(preferred_username=name, email=f"{name}@contoso.example", **claims) for name in names]


@pytest.mark.django_db
def test_who_is_taken_a_moment_before_the_batch_is_written_costs_only_their_own_line(monkeypatch):
    load(line(), now=datetime(2026, 1, 1, tzinfo=UTC))
    monkeypatch.setattr(importing, "_present", lambda _accounts: importing._Present())

    outcomes = load(*people("ben"), line(), *people("cem"))

    told = "Another account took this user name or email a moment ago; it was left as it is."
    assert outcomes == [importing.Loaded(), Refused(told), importing.Loaded()]
    names = User.objects.order_by("username_key").values_list("preferred_username", flat=True)
    assert list(names) == ["anna", "ben", "cem"]
    call_command("verify_audit", stdout=io.StringIO())


@pytest.mark.django_db
def test_a_batch_that_breaks_off_leaves_nothing_of_itself():
    """As when the process is killed: what was committed is whole, and the next run makes the rest."""
    before = everything()

    def broken(_proof, _secret):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), transaction.atomic():
        list(importing.load(numbered(line(), *people("ben", totp_secret="JBSWY3DPEHPK3PXP")), totp=broken, now=NOW))

    assert everything() == before
    assert load(line(), *people("ben", totp_secret="JBSWY3DPEHPK3PXP")) == [importing.Loaded()] * 2


@pytest.mark.django_db
def test_a_batch_takes_as_many_statements_as_one_line(django_assert_num_queries):
    with CaptureQueriesContext(connection) as one:
        load(line())
    names = [f"person{number}" for number in range(20)]

    with django_assert_num_queries(len(one.captured_queries)):
        load(*people(*names))


@pytest.mark.django_db
def test_what_a_batch_wrote_is_sealed_and_told_in_full():
    load(line(), *people("ben", "cem", totp_secret="JBSWY3DPEHPK3PXP"))

    call_command("verify_audit", stdout=io.StringIO())
    written = AuditEntry.objects.filter(name="idp.credential.written")
    rows = [*Credential.objects.all(), *RecoveryAddress.objects.all()]
    assert sorted(entry.details["proof"] for entry in written) == sorted(str(row.proof) for row in rows)
    assert len(rows) == 8


@pytest.mark.django_db
def test_a_second_run_leaves_everybody_alone():
    load(line(), now=datetime(2026, 1, 1, tzinfo=UTC))

    assert load(line(), line(preferred_username="ben", email="ben@contoso.example")) == [
        importing.AlreadyHere(),
        importing.Loaded(),
    ]
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_lines_are_read_as_they_are_written(monkeypatch):
    monkeypatch.setattr(importing, "BATCH", 2)
    read = []

    def lines():
        for number in range(1, 7):
            read.append(number)
            yield number, line(preferred_username=f"p{number}", email=f"p{number}@contoso.example")

    outcomes = importing.load(lines(), totp=enrolment.imported_totp, now=NOW)
    next(outcomes)

    assert read == [1, 2]
    assert User.objects.count() == 2


@pytest.mark.django_db
@pytest.mark.parametrize(
    "spelt", ["JBSWY3DPEHPK3PXP", "jbsw y3dp ehpk 3pxp", "JBSW-Y3DP-EHPK-3PXP", "JBSWY3DPEHPK3PXPJA======"]
)
def test_an_authenticator_app_goes_on_working(spelt):
    """Of which nothing is readable in the database, and nothing else than the import earned it."""
    load(line(totp_secret=spelt, locale="fr"))
    anna = User.objects.get()
    (factor,) = credentials.factors_of(anna)
    assert (factor.kind, factor.factor.name) == ("totp", "Application d’authentification")
    assert "JBSWY3DP" not in factor.material
    secret = b32decode(spelt.upper().replace("-", "").replace(" ", ""))
    assert totp.is_right([factor], f"{hotp(secret, int(NOW.timestamp()) // 30):06}", now=NOW)
    written = AuditEntry.objects.get(name="idp.credential.written", details__kind="totp")
    assert written.details["earned"] == "import"


@pytest.mark.django_db
def test_a_line_without_a_second_factor_has_none():
    load(line(totp_secret=""), line(preferred_username="ben", email="ben@contoso.example", totp_secret=None))
    assert User.objects.count() == 2
    assert not Credential.objects.filter(kind="totp").exists()


def test_the_key_of_a_line_is_not_in_what_is_printed_of_it():
    assert "Hello" not in repr(parse(line(totp_secret="JBSWY3DPEHPK3PXP")))


# --- The command ---


@pytest.mark.django_db
def test_the_command_loads_a_file(run):
    code, out, err = run(line(), b"", line(preferred_username="ben", email="ben@contoso.example"))

    assert (code, out, err) == (0, "2 lines loaded.\n", "")
    assert User.objects.count() == 2


@pytest.mark.django_db
def test_the_command_names_refused_lines_and_loads_the_rest(run):
    code, out, err = run(
        b"\xef\xbb\xbf" + line(),
        b"oops",
        b"",
        line(preferred_username="ben", email="ben@contoso.example", totp_secret="JBSWY3DP"),
        line(preferred_username="cem", email="cem@contoso.example"),
    )

    assert code == 1
    assert out == "2 lines loaded.\n"
    assert err.splitlines() == [
        "line 2: The line is not JSON.",
        "line 4: totp_secret has 5 bytes; 10 to 64 are taken over.",
        "2 lines refused.",
    ]


@pytest.mark.django_db
def test_the_command_can_be_run_again(run):
    run(line())

    assert run(line()) == (0, "0 lines loaded.\n1 line left alone: the account was here already.\n", "")


@pytest.mark.django_db
def test_the_command_says_what_it_did_not_store(run):
    code, out, _err = run(line(phone_number="+31 20 123 45 67", phone_number_verified=True, sub="7", locale="nl"))

    assert code == 0
    assert out.splitlines()[1:] == ["locale: not stored, on 1 line.", "sub: not stored, on 1 line."]


@pytest.mark.django_db
def test_standard_claims_are_kept_as_applications_will_read_them(run):
    told = {
        "given_name": "Anna",
        "family_name": "de Vries",
        "middle_name": "Maria",
        "nickname": "An",
        "profile": "https://contoso.example/anna",
        "picture": "https://contoso.example/anna.png",
        "website": "http://anna.example",
        "gender": "female",
        "birthdate": "--04-30",
        "zoneinfo": "Europe/Amsterdam",
        "phone_number": "+31 20 123 45 67",
        "phone_number_verified": True,
        "address": {"formatted": "Keizersgracht 1\nAmsterdam", "country": "NL"},
    }
    empty = {"address": told["address"] | {"region": " "}}
    assert run(line(**told | empty, groups=["staff", "staff", " "], updated_at=1_700_000_000))[0] == 0
    user = User.objects.get()
    assert user.claims == told
    assert user.groups == ["staff"]
    assert user.updated_at.timestamp() == 1_700_000_000


@pytest.mark.django_db
def test_a_file_without_line_ends_is_one_refused_line_and_never_in_memory(run, tmp_path):
    path = tmp_path / "endless.jsonl"
    path.write_bytes(b"x" * 20_000_000)
    err = io.StringIO()
    tracemalloc.start()
    with pytest.raises(CommandError, match="1 line refused"):
        call_command("import_users", str(path), stdout=io.StringIO(), stderr=err)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert err.getvalue() == "line 1: The line has more than 65536 bytes.\n"
    assert peak < 5_000_000


@pytest.mark.parametrize("path", ["nowhere.jsonl", "."])
def test_a_file_that_cannot_be_read_is_said_in_a_sentence(path, tmp_path):
    with pytest.raises(CommandError, match="cannot be read: "):
        call_command("import_users", str(tmp_path / path))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.django_db
def test_progress_is_drawn_on_a_terminal_only(run, capsys, monkeypatch):
    run(line())
    assert capsys.readouterr().err == ""

    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    run(line())
    assert "B/s" in terminal.getvalue()

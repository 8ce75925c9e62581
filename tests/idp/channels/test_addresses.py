"""EMAIL_URL and SMS_URL: what is understood, and that what is not says why, without the secrets in it."""

import pytest

from idp.channels import addresses, gateways
from idp.channels.addresses import Api, Server, Unusable
from tests.idp.test_settings import start

SECRET = "s3cr3t"


@pytest.mark.parametrize(
    ("url", "security", "port", "user"),
    [
        ("smtp+tls://user:s3cr3t@mail.example", "starttls", 587, "user"),
        ("smtp+tls://user:s3cr3t@mail.example:2587", "starttls", 2587, "user"),
        ("smtps://u%40x:s3%2Fcr3t@mail.example", "tls", 465, "u@x"),
        ("smtp+ssl://mail.example", "tls", 465, ""),
        ("smtp://127.0.0.1:1025", "clear", 1025, ""),
        ("smtp://localhost", "clear", 25, ""),
        ("smtp://[::1]:2525", "clear", 2525, ""),
        ("smtp://relay.internal?clear_text=allowed", "clear", 25, ""),
    ],
)
def test_a_mail_server(url, security, port, user):
    (server,) = addresses.read(url)
    assert isinstance(server, Server)
    assert (server.security, server.port, server.user) == (security, port, user)
    assert "s3" not in repr(server)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("postmark://s3cr3t@", {"server_token": SECRET, "api_url": "https://api.postmarkapp.com/"}),
        (
            "postmark://s3cr3t@?message_stream=codes",
            {"server_token": SECRET, "api_url": "https://api.postmarkapp.com/", "message_stream": "codes"},
        ),
        ("sendgrid://s3cr3t@", {"api_key": SECRET, "api_url": "https://api.sendgrid.com/v3/"}),
        ("resend://s3cr3t@", {"api_key": SECRET, "api_url": "https://api.resend.com/"}),
        ("brevo://s3cr3t@", {"api_key": SECRET, "api_url": "https://api.brevo.com/v3/"}),
        (
            "mailgun://s3cr3t@api.eu.mailgun.net/mg.example.org",
            {"api_key": SECRET, "api_url": "https://api.eu.mailgun.net/v3/", "sender_domain": "mg.example.org"},
        ),
    ],
)
def test_a_provider_with_an_interface_of_its_own(url, options):
    (api,) = addresses.read(url)
    assert isinstance(api, Api)
    assert api.options == options
    assert SECRET not in repr(api)


def test_several_keep_their_order_and_get_names():
    read = addresses.read("smtp+tls://a.example\n smtps://b.example  postmark://s3cr3t@ postmark://other@")
    assert [each.name for each in read] == ["smtp", "smtp-2", "postmark", "postmark-2"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "no provider"),
        ("mail.example", "begins with a scheme"),
        ("smtp://[::1", "not a URL"),
        ("smtp+tls://mail.example:s3cr3t", "not a URL"),
        ("pigeon://s3cr3t@coop", "pigeon:// is not a provider"),
        ("consolemail://", "not a provider"),
        ("smtp://user:s3cr3t@mail.example", "clear text"),
        ("smtp://user:s3cr3t@10.0.0.1", "clear text"),
        ("smtp://user:s3cr3t@mail.example?clear_text=1", "can only be 'allowed'"),
        ("smtp+tls://", "name of a mail server"),
        ("smtp+tls://user:s3cr3t@mail.example?verify=no", "no option 'verify'"),
        ("smtp+tls://user:s3cr3t@mail.example?ca=/nowhere", "no file of certificates"),
        ("postmark://", "needs the provider's key"),
        ("postmark://s3cr3t@mail.example?clear_text=allowed", "this machine only"),
        ("ses://AKIA:s3cr3t@eu-west-1", "boto3"),
        ("ses://AKIA:s3cr3t@eu-west-1?topic=receipts", "topic is no"),
        ("ses://AKIA:s3cr3t@eu-west-1?topic=arn:aws:sns:evil.example/:123456789012:receipts", "topic is no"),
        ("ses://AKIA:s3cr3t@eu-west-1?signing_key=s3cr3t", "no option 'signing_key'"),
        ("postmark://s3cr3t@?topic=arn:aws:sns:eu-west-1:123456789012:receipts", "no option 'topic'"),
    ],
)
def test_what_cannot_be_used_says_why_and_not_the_password(url, said):
    with pytest.raises(Unusable) as refused:
        addresses.read(url)
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "family"),
    [
        ("json://127.0.0.1:8080/sms", "json"),
        ("jsons://user:s3cr3t@gateway.example/sms", "json"),
        ("json://10.0.0.1/sms?clear_text=allowed", "json"),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567", "twilio"),
        ("vonage://abc:s3cr3t@15551234567", "vonage"),
        ("nexmo://abc:s3cr3t@15551234567", "vonage"),
        ("sns://AKIAABCDEFGHIJKLMNOP/s3cr3t/us-east-1/", "sns"),
    ],
)
def test_a_gateway(url, family):
    (gateway,) = gateways.read(url)
    assert gateway.family == family
    assert SECRET not in repr(gateway)
    assert "b" * 32 not in repr(gateway)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("gateway", "begins with a scheme"),
        ("pigeon://s3cr3t@coop", "pigeon:// is not a gateway"),
        ("pigeon://s3cr3t@coop/{to}", "cannot read"),
        ("mailto://user:s3cr3t@mail.example", "not a gateway"),
        ("json://user:s3cr3t@gateway.example/sms", "clear text"),
        ("jsons://user:s3cr3t@gateway.example/sms?verify=no", "certificate"),
        ("twilio://AC1:s3cr3t@", "cannot read"),
        (f"twilio://AC{'a' * 32}:{'b' * 32}@+15551234567?endpoint=http://elsewhere.example", "clear text"),
    ],
)
def test_what_is_no_gateway_says_why_and_not_the_password(url, said):
    with pytest.raises(Unusable) as refused:
        gateways.read(url)
    assert said in str(refused.value)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"EMAIL_URL": "pigeon://s3cr3t@coop"}, "EMAIL_URL: pigeon:// is not a provider"),
        ({"EMAIL_URL": "smtp://s3cr3t@mail.example"}, "clear text"),
        ({"SMS_URL": "pigeon://s3cr3t@coop"}, "SMS_URL: pigeon:// is not a gateway"),
        ({"SMS_URL": "json://127.0.0.1/"}, "SMS_COUNTRIES is not set"),
        ({"SMS_URL": "json://127.0.0.1/", "SMS_COUNTRIES": "FR,France"}, "two letters"),
        ({"SMS_PRICES": "33=7"}, "SMS_PRICES"),
        ({"SMS_DAILY_BUDGET": "0"}, "SMS_DAILY_BUDGET"),
        ({"SMS_DAILY_BUDGET": "much"}, "SMS_DAILY_BUDGET"),
        ({"EMAIL_HOURLY_CAP": "-1"}, "EMAIL_HOURLY_CAP"),
        ({"RECEIPTS_SECRET": "s3cr3t"}, "RECEIPTS_SECRET"),
    ],
)
def test_the_process_refuses_to_start(variables, said):
    run = start(**variables)
    assert run.returncode == 1
    assert run.stderr.startswith("Regain cannot start: ")
    assert said in run.stderr
    assert SECRET not in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    "topic",
    ["arn:aws:sns:eu-west-1:123456789012:receipts", "arn:aws-us-gov:sns:us-gov-west-1:123456789012:a_b-c"],
)
def test_amazon_tells_by_a_topic(monkeypatch, topic):
    monkeypatch.setattr(addresses, "find_spec", lambda _name: True)
    (api,) = addresses.read(f"ses://AKIA:s3cr3t@eu-west-1?topic={topic}")
    assert (api.name, api.topic, api.signing_key) == ("ses", topic, "")


@pytest.mark.once
@pytest.mark.parametrize(
    ("variables", "is_loaded"),
    [({}, False), ({"SMS_URL": "json://127.0.0.1/", "SMS_COUNTRIES": "FR"}, True)],
)
def test_apprise_is_loaded_only_where_text_messages_are_sent(variables, is_loaded):
    """It costs every web process and worker its time to start, and memory."""
    script = "import sys, django; django.setup(); import config.urls, config.celery; print('apprise' in sys.modules)"
    run = start(run=("-c", script), DJANGO_SETTINGS_MODULE="config.settings", **variables)
    assert run.stdout.split()[-1:] == [str(is_loaded)], run.stderr


def test_with_all_of_it_the_process_starts():
    run = start(
        EMAIL_URL="smtp+tls://user:pass@mail.example postmark://token@",
        SMS_URL="json://127.0.0.1:8080/sms",
        SMS_COUNTRIES="fr, be",
        SMS_PRICES="+33=7, +3364=9",
        SMS_DAILY_BUDGET="1000",
        RECEIPTS_SECRET="r" * 32,
    )
    assert run.returncode == 0, run.stderr

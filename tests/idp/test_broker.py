"""REDIS_URL: what may stand there, what Celery makes of it, and what is refused in words."""

import ssl

import pytest
from kombu import Connection

from config import broker
from config.celery import UrgentFirst, app

TIMEOUTS = {"socket_timeout": 1}


def connection(url):
    read = broker.read(url, timeouts=TIMEOUTS)
    return Connection(read.url, ssl=read.use_ssl, transport_options=read.options)


@pytest.mark.parametrize(
    ("url", "where", "who", "database"),
    [
        ("redis://broker.example", ("broker.example", 6379), (None, None), "0"),
        ("redis://:word@10.1.2.3:6380/2", ("10.1.2.3", 6380), (None, "word"), "2"),
        ("redis://regain:w%40rd%2F%3A@broker:1/", ("broker", 1), ("regain", "w@rd/:"), "0"),
        ("redis://[2001:db8::7]:6379/1", ("2001:db8::7", 6379), (None, None), "1"),
    ],
)
def test_one_server(url, where, who, database):
    made = connection(url)
    assert made.transport_cls == "redis"
    assert (made.hostname, made.port) == where
    assert (made.userid or None, made.password) == who
    assert str(made.virtual_host) == database
    assert not made.ssl


def test_by_tls_certificates_are_verified():
    read = broker.read("rediss://:word@broker:6380/0?ssl_ca_certs=/etc/ca.pem", timeouts=TIMEOUTS)
    assert read.use_ssl == {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
        "ssl_ca_certs": "/etc/ca.pem",
    }


def test_sentinels_are_all_told_the_servers_password_and_their_own():
    read = broker.read(
        "redis+sentinel://u:p%40@one,two:1,[::1]/mine/3?sentinel_password=theirs&sentinel_username=us",
        timeouts=TIMEOUTS,
    )
    made = Connection(read.url, transport_options=read.options)
    assert made.transport_cls == "sentinel"
    assert (made.userid, made.password, made.virtual_host) == ("u", "p@", "3")
    assert made.alt == [f"sentinel://u:p%40@{place}/3" for place in ("one:26379", "two:1", "[::1]:26379")]
    assert read.options == {
        "master_name": "mine",
        "sentinel_kwargs": {"socket_timeout": 1, "username": "us", "password": "theirs"},
    }


def test_sentinels_by_tls_are_asked_by_tls():
    read = broker.read("rediss+sentinel://one/mine", timeouts=TIMEOUTS)
    assert read.use_ssl is not None
    assert read.options["sentinel_kwargs"]["ssl"] is True
    assert read.options["sentinel_kwargs"]["ssl_cert_reqs"] == ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://guest@host", "must begin with"),
        ("localhost:6379", "must begin with"),
        ("redis+socket:///run/redis.sock", "must begin with"),
        ("redis://", "names no host"),
        ("redis://:secret@word@", "names no host"),
        ("redis://one,two/0", "several hosts"),
        ("redis://host/queue", "number of a database"),
        ("redis://host/0?db=1", "'db'"),
        ("redis://host/0?ssl_ca_certs=x", "'ssl_ca_certs'"),
        ("rediss://host/0?ssl_cert_reqs=none", "always verified"),
        ("rediss://host/0?ssl_certfile=x", "go together"),
        ("redis+sentinel://one,two", "by which name"),
        ("redis+sentinel://one,two/0/mine", "number of a database"),
        ("redis://[::1/0", "cannot be read"),
    ],
)
def test_what_cannot_be_meant_is_refused_without_quoting_a_password(url, said):
    with pytest.raises(broker.Unusable) as refusal:
        broker.read(url, timeouts=TIMEOUTS)
    assert said in str(refusal.value)
    assert "secret" not in str(refusal.value)


def test_a_worker_of_every_queue_looks_for_codes_first_and_for_the_rest_in_turn():
    cycle = UrgentFirst()
    cycle.update(["logout", "notice", "otp", "sweep"])
    assert cycle.consume(4) == ["otp", "sweep", "logout", "notice"]
    cycle.rotate("logout")
    assert cycle.consume(4) == ["otp", "sweep", "notice", "logout"]
    cycle.rotate("otp")
    assert cycle.consume(4) == ["otp", "sweep", "notice", "logout"]
    cycle.rotate("notice")
    assert cycle.consume(4) == ["otp", "sweep", "logout", "notice"]


def test_an_attempt_ends_before_somebody_else_may_make_it():
    from idp import outbox

    conf = app.conf
    visible_again = conf.broker_transport_options["visibility_timeout"]
    assert conf.task_soft_time_limit < conf.task_time_limit < visible_again
    assert conf.task_time_limit < outbox.LEASE.total_seconds()
    assert conf.task_acks_late
    assert conf.task_reject_on_worker_lost
    assert conf.result_backend is None
    assert conf.task_ignore_result
    assert conf.accept_content == ["json"]

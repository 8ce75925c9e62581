"""Redis that Sentinels look after, and Redis behind TLS and a list of what its users may do."""

import datetime as dt
import ipaddress
import subprocess
from pathlib import Path

import pytest
import redis as redis_client
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kombu.exceptions import OperationalError as BrokerAway
from redis.sentinel import Sentinel

from tests.browser.conftest import lacking
from tests.browser.visitor import Visitor, ask_for_a_code, code_in, mail_to
from tests.faults.conftest import SlowSink, goes_on, until_ready
from tests.processes import running
from tests.servers import Missing, RedisServer, answers, free_port, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.once]

NAME = "regain"


# --- Sentinel ---------------------------------------------------------------------------------------------


class Replica(RedisServer):
    """One of several that follow a master, or are it: the password is the same for all."""

    def __init__(self, folder: Path, master: "Replica | None" = None) -> None:
        folder.mkdir()
        super().__init__(folder)
        if master:
            self.password = master.password
        self._master = master

    def settings(self) -> str:
        follow = f"replicaof 127.0.0.1 {self._master.port}\n" if self._master else ""
        return f"{super().settings()}masterauth {self.password}\nrepl-diskless-sync-delay 0\n{follow}"


class Guarded:
    """A master with two replicas and three Sentinels, which ask for a password themselves."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.master = Replica(folder / "one")
        self.servers = [self.master, *(Replica(folder / name, self.master) for name in ("two", "three"))]
        self.word = "the Sentinels' own"
        self.ports = [free_port() for _sentinel in range(3)]
        hosts = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        self.url = f"redis+sentinel://:{self.master.password}@{hosts}/{NAME}/0?sentinel_password={self.word}"
        self._sentinels: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        for server in self.servers:
            server.start()
        for port in self.ports:
            file = self._folder / f"sentinel-{port}.conf"
            file.write_text(
                f'bind 127.0.0.1\nport {port}\ndir "{self._folder}"\nrequirepass "{self.word}"\n'
                f'sentinel sentinel-pass "{self.word}"\n'
                f"sentinel monitor {NAME} 127.0.0.1 {self.master.port} 2\n"
                f"sentinel auth-pass {NAME} {self.master.password}\n"
                f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 5000\n",
                encoding="utf-8",
            )
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            process = subprocess.Popen([self.master._binary, str(file), "--sentinel"], **quiet)
            self._sentinels.append(process)
            wait_until(lambda port=port: answers(port), f"Sentinel on port {port}", process)
        wait_until(self._is_whole, "three Sentinels that know two replicas")

    def stop(self) -> None:
        for each in self._sentinels:
            each.kill()
            each.wait()
        for server in self.servers:
            server.stop()

    def ask(self) -> Sentinel:
        asking = {"password": self.word, "socket_timeout": 1}
        return Sentinel([("127.0.0.1", port) for port in self.ports], sentinel_kwargs=asking)

    def _is_whole(self) -> bool:
        def knows_all(port: int) -> bool:
            with redis_client.Redis(port=port, password=self.word) as sentinel:
                master = sentinel.sentinel_master(NAME)
            return master["num-slaves"] == 2 and master["num-other-sentinels"] == 2

        return all(map(knows_all, self.ports))


def test_when_the_master_is_gone_a_replica_takes_over_and_codes_go_on(tmp_path):
    try:
        redis = Guarded(tmp_path)
        with running(tmp_path, redis=redis, mail=SlowSink()) as regain:
            until_ready(regain.programs["worker"])
            first, second, third = (regain.somebody() for _person in range(3))
            ask_for_a_code(Visitor(regain), first)
            mail_to(regain, first)

            redis.master.stop()
            visitor = Visitor(regain)
            ask_for_a_code(visitor, second)
            assert visitor.delivery == "waiting"
            letter = mail_to(regain, second, seconds=45)
            assert redis.ask().discover_master(NAME)[1] != redis.master.port
            assert goes_on(visitor, code_in(letter))

            again = Visitor(regain)
            ask_for_a_code(again, third)
            assert goes_on(again, code_in(mail_to(regain, third)))
            for program in regain.programs.values():
                assert program.running
            assert [len(regain.mail.to(person.email)) for person in (first, second, third)] == [1, 1, 1]
    except Missing as missing:
        lacking(str(missing))


# --- TLS and users ----------------------------------------------------------------------------------------


class Tls(RedisServer):
    """By TLS only, for one user, who may do what a broker's client needs and administer nothing."""

    #: What docs/operate.md says.
    RIGHTS = "~* &* +@all -@admin -@dangerous +info"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.authority = authority(folder)
        self.url = f"rediss://regain:{self.password}@127.0.0.1:{self.port}/0?ssl_ca_certs={self.authority}"

    def settings(self) -> str:
        files = f'tls-cert-file "{self._folder}/server.pem"\ntls-key-file "{self._folder}/server.key"\n'
        users = f"user default off\nuser regain on >{self.password} {self.RIGHTS}\n"
        without = [line for line in super().settings().splitlines() if not line.startswith(("port ", "requirepass "))]
        listen = f"port 0\ntls-port {self.port}\ntls-auth-clients no\n"
        return "\n".join(without) + "\n" + listen + files + users

    def start(self) -> None:
        try:
            super().start()
        except RuntimeError:
            raise Missing("this Redis was built without TLS") from None


def authority(folder: Path) -> Path:
    """An authority of our own, and the server's certificate by it, beside its key."""
    now = dt.datetime.now(dt.UTC)

    def certificate(name, key, issuer, issuer_key, *, ca: bool):
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer or subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if not ca:
            here = [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(here), critical=False)
        return builder.sign(issuer_key or key, hashes.SHA256())

    ca_key, key = (ec.generate_private_key(ec.SECP256R1()) for _one in range(2))
    ca = certificate("authority", ca_key, None, None, ca=True)
    server = certificate("server", key, ca.subject, ca_key, ca=False)
    pem = serialization.Encoding.PEM
    (folder / "ca.pem").write_bytes(ca.public_bytes(pem))
    (folder / "server.pem").write_bytes(server.public_bytes(pem))
    (folder / "server.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "ca.pem"


def test_codes_travel_by_tls_as_a_user_with_few_rights(tmp_path):
    try:
        with running(tmp_path, redis=Tls(tmp_path), mail=SlowSink()) as regain:
            until_ready(regain.programs["worker"])
            person, visitor = regain.somebody(), Visitor(regain)
            ask_for_a_code(visitor, person)
            assert goes_on(visitor, code_in(mail_to(regain, person)))
            assert b"NOPERM" not in regain.logs()["worker.log"] + regain.logs()["beat.log"]
            with redis_client.Redis.from_url(regain.redis.url) as redis:
                with pytest.raises(redis_client.exceptions.NoPermissionError):
                    redis.flushall()
                assert redis.connection_pool.connection_class is redis_client.SSLConnection
    except Missing as missing:
        lacking(str(missing))


def test_a_redis_that_another_authority_vouches_for_is_not_spoken_to(tmp_path):
    (tmp_path / "theirs").mkdir()
    server = Tls(tmp_path)
    try:
        server.start()
    except Missing as missing:
        lacking(str(missing))
    try:
        stranger = server.url.replace(str(server.authority), str(authority(tmp_path / "theirs")))
        from kombu import Connection

        from config import broker

        for url, believed in ((server.url, True), (stranger, False)):
            read = broker.read(url, timeouts={})
            connection = Connection(read.url, ssl=read.use_ssl, transport_options={"max_retries": 0})
            if believed:
                connection.ensure_connection(max_retries=1)
                connection.default_channel.client.ping()
            else:
                with pytest.raises(BrokerAway, match="CERTIFICATE_VERIFY_FAILED"):
                    connection.default_channel.client.ping()
            connection.release()
    finally:
        server.stop()

"""`recount simulate` and delivery: the same history again, signed as Stripe signs, sent until it is taken."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner, Result

from api import deliver as delivery
from api.deliver import Delivery, ReceiverUnavailable, deliver
from api.settings import WebhookSecret
from api.signature import verify
from ledger.errors import Invalid
from replay.cli import recount

NOTHING_SET = {"STRIPE_WEBHOOK_SECRET": "", "STRIPE_CONNECT_WEBHOOK_SECRET": "", "STRIPE_SECRET_KEY": ""}
SMALL = ("simulate", "--orgs", "2", "--months", "1", "--seed", "7")


def run(*words: str, code: int = 0, **env: str) -> Result:
    result = CliRunner().invoke(recount, words, env={**NOTHING_SET, **env})
    assert result.exit_code == code, (words, result.output, result.exception)
    return result


class Receiver:
    """A webhook handler that remembers what it was sent, and answers as it is told."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, bytes]] = []
        self.answer: Callable[[int], int] = lambda count: 200
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                with receiver._lock:
                    receiver.taken.append((self.path, self.headers["Stripe-Signature"], body))
                    status = receiver.answer(len(receiver.taken))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hooks"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    it = Receiver()
    yield it
    it.close()


def test_equal_seeds_write_equal_histories():
    first, again = run(*SMALL).stdout, run(*SMALL).stdout
    assert first == again
    assert len({json.loads(line)["id"] for line in first.splitlines()}) == len(first.splitlines()) > 20
    assert run(*SMALL[:-1], "8").stdout != first


def test_a_history_is_written_in_the_versions_asked_for():
    lines = run(*SMALL, "--api-version", "2020-08-27", "--connected-accounts", "0").stdout.splitlines()
    snapshots = [event for event in map(json.loads, lines) if event["object"] == "event"]  # thin ones have no version
    assert {event["api_version"] for event in snapshots} == {"2020-08-27"}
    assert not any("account" in json.loads(line) for line in lines)


def test_a_bad_day_reorders_repeats_and_loses():
    calm = run(*SMALL).stdout.splitlines()
    assert sorted(run(*SMALL, "--shuffle").stdout.splitlines()) == sorted(calm)
    assert run(*SMALL, "--shuffle").stdout.splitlines() != calm
    assert len(run(*SMALL, "--duplicate", "0.5").stdout.splitlines()) > len(calm)
    assert len(run(*SMALL, "--drop", "0.5").stdout.splitlines()) < len(calm)
    assert {json.loads(line)["livemode"] for line in run(*SMALL, "--mode", "live").stdout.splitlines()} == {True}


def test_a_version_that_is_none_is_an_error():
    assert "is no API version" in run(*SMALL, "--api-version", "yesterday", code=2).stderr


def test_every_event_is_delivered_signed_to_its_endpoint(receiver: Receiver):
    written = run(*SMALL).stdout.encode().splitlines()
    said = json.loads(
        run(*SMALL, "--deliver", receiver.url, "--secret", "whsec_p", "--connect-secret", "whsec_c", "--json").stdout
    )
    assert said["events"] == len(written)
    assert said["statuses"] == {"200": len(written)}
    assert Counter(body for _, _, body in receiver.taken) == Counter(written)
    for path, header, body in receiver.taken:
        connected = "account" in json.loads(body)
        secret = WebhookSecret(b"whsec_c" if connected else b"whsec_p", None)
        assert path == ("/hooks/connect" if connected else "/hooks")
        assert verify(header, body, (secret,), int(time.time())) == secret
    assert {path for path, _, _ in receiver.taken} == {"/hooks", "/hooks/connect"}


def test_the_secret_of_the_mode_is_taken_from_the_settings(receiver: Receiver):
    run(*SMALL, "--deliver", receiver.url, STRIPE_WEBHOOK_SECRET="live:whsec_live,test:whsec_test")
    _, header, body = receiver.taken[0]
    verify(header, body, (WebhookSecret(b"whsec_test", None),), int(time.time()))


def test_delivering_without_a_secret_is_an_error(receiver: Receiver):
    assert "STRIPE_WEBHOOK_SECRET" in run(*SMALL, "--deliver", receiver.url, code=2).stderr
    assert receiver.taken == []


def test_an_event_is_sent_again_while_the_receiver_is_unavailable(receiver: Receiver, monkeypatch):
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_S", 0.01)
    receiver.answer = lambda count: 503 if count <= 3 else 200
    done = deliver([Delivery(b"{}", False)], receiver.url, b"whsec_p", connections=1)
    assert (done.events, done.statuses, done.retries, done.accepted) == (1, {"200": 1}, 3, 1)


def test_an_event_that_is_refused_is_not_sent_again_and_counts(receiver: Receiver):
    receiver.answer = lambda count: 400 if count == 1 else 200
    result = run(*SMALL, "--deliver", receiver.url, "--secret", "whsec_p", code=1)
    assert "1 x 400" in result.stdout
    assert len(receiver.taken) == len(run(*SMALL).stdout.splitlines())


def test_a_receiver_that_is_away_is_said_at_once(receiver: Receiver):
    receiver.close()
    with pytest.raises(ReceiverUnavailable, match="recount serve"):
        deliver([Delivery(b"{}", False)] * 1000, receiver.url, b"whsec_p")


def test_the_rest_is_not_sent_to_a_receiver_that_stopped_answering(receiver: Receiver, monkeypatch):
    monkeypatch.setattr(delivery, "_LONGEST_PAUSE_S", 0.001)
    monkeypatch.setattr(delivery, "_knock", lambda url: None)
    receiver.close()
    done = deliver([Delivery(b"{}", False)] * 1000, receiver.url, b"whsec_p", connections=2)
    assert done.accepted == 0
    assert 1 <= done.statuses[delivery.NO_ANSWER] <= 2


@pytest.mark.parametrize("url", ["localhost", "ftp://a/b", "http://", "http://a:b/", "http://a/\n", "http://ä/"])
def test_what_is_no_url_is_refused(url: str):
    with pytest.raises(Invalid) as caught:
        deliver([], url, b"whsec_p")
    assert caught.value.code == "bad_url"

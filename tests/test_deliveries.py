"""Notices reach endpoints: signed, in order for each organization, retried, given up; never sent by a replay."""

import http.server
import json
import threading
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from outgoing import Installation, Recording
from samples import Json
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from test_engine import eventually

from api.deliveries import pause_s, secret_of
from api.posting import Answer, Poster, is_public
from commands.deliveries import DELIVERIES, Redeliver
from ledger.errors import NotFound, Refused
from ledger.events import DeliveryFailed, DeliverySucceeded
from ledger.ids import delivery_stream, endpoint_subject
from projections.deliveries import DELIVERIES as DERIVED
from replay import rebuild, verify

NOW = int(datetime.now(UTC).timestamp())


@pytest.fixture
def here(database: str) -> Iterator[Installation]:
    with closing(Installation(database, NOW)) as found:
        yield found


def states(here: Installation) -> dict[str, tuple[Any, ...]]:
    here.project()
    return {n: tuple(r) for n, *r in here.rows("SELECT notice, state, attempts FROM {r}.deliveries ORDER BY notice")}


def failing(*types: str) -> Any:
    return lambda url, body: Answer(500, "http_500") if body["data"].get("n") in types else Answer(200, None)


def test_a_notice_is_signed_so_that_the_specifications_library_takes_it(here: Installation):
    here.now_s = time.time()  # the library takes nothing that is older than five minutes
    here.listen()
    here.notice("msg_1", said={"feature": "agents"})
    assert here.deliver() == 1
    ((url, body, headers),) = here.poster.posts
    key = here.keys.open([endpoint_subject("ep_1")])[endpoint_subject("ep_1")]
    assert key is not None
    said = Webhook(secret_of(key)).verify(body, headers)
    assert (url, headers["webhook-id"]) == ("https://ep_1.example.com/hooks", "msg_1")
    assert said["type"] == "organization.linked"
    assert said["data"] == {"mode": "test", "org": "acme", "feature": "agents"}
    with pytest.raises(WebhookVerificationError):
        Webhook(secret_of(key)).verify(body + b" ", headers)


def test_what_was_taken_is_not_sent_again(here: Installation):
    here.listen()
    here.notice("msg_1")
    assert here.deliver() == 1
    assert here.deliver() == 0
    assert states(here) == {"msg_1": ("delivered", 1)}
    assert here.logged(DeliverySucceeded.NAME)[0].status == 204


def test_an_endpoint_is_told_of_what_comes_after_it_until_it_is_removed(here: Installation):
    here.notice("msg_0")
    here.listen()
    here.notice("msg_1")
    here.unlisten()
    here.notice("msg_2")
    here.deliver()
    assert here.poster.posts == []
    assert states(here) == {"msg_1": ("due", 0)}


def test_an_endpoint_may_ask_for_types_and_for_one_organization(here: Installation):
    here.listen("ep_types", types=("trial.ending",))
    here.listen("ep_org", org="globex")
    here.notice("msg_1", "acme", "trial.ending")
    here.notice("msg_2", "globex", "organization.linked")
    here.notice("msg_3", "acme", "organization.linked")
    here.notice("msg_4", None, "test", endpoint_id="ep_org")
    here.deliver()
    told = sorted((url.split("//")[1].split(".")[0], headers["webhook-id"]) for url, _, headers in here.poster.posts)
    assert told == [("ep_org", "msg_2"), ("ep_org", "msg_4"), ("ep_types", "msg_1")]


def test_modes_do_not_mix(here: Installation):
    here.listen(mode="live")
    here.notice("msg_1")
    here.deliver()
    assert here.poster.posts == []


def test_a_failing_delivery_holds_its_organizations_later_ones_and_nobody_elses(here: Installation):
    here.listen()
    here.poster = Recording(failing("1"))
    for number, org in enumerate(("acme", "acme", "globex", "acme", "globex"), 1):
        here.notice(f"msg_{number}", org, said={"n": str(number)})
    here.deliver(poster=here.poster)
    assert [s["data"]["n"] for s in here.poster.said if s["data"]["org"] == "globex"] == ["3", "5"]
    assert {s["data"]["n"] for s in here.poster.said if s["data"]["org"] == "acme"} == {"1"}
    # when it is taken at last, the others follow in their order
    here.poster.answer = lambda url, body: Answer(200, None)
    here.now_s += 60
    here.deliver()
    assert [s["data"]["n"] for s in here.poster.said if s["data"]["org"] == "acme"] == ["1", "1", "2", "4"]


def test_attempts_wait_longer_and_longer_then_it_is_given_up_and_the_next_goes_out(here: Installation):
    here.listen()
    here.poster = Recording(failing("1"))
    here.notice("msg_1", said={"n": "1"})
    here.notice("msg_2", said={"n": "2"})
    tries = []
    for _ in range(6):
        if here.deliver(poster=here.poster, attempts=4):
            tries.append(here.now_s - NOW)
        here.now_s += max(1, pause_s(len(tries), 0.0))
    assert tries[:4] == [0, 5, 25, 105]
    assert states(here) == {"msg_1": ("dead", 4), "msg_2": ("delivered", 1)}
    assert [f.next_s for f in here.logged(DeliveryFailed.NAME)] == [NOW + 5, NOW + 25, NOW + 105, None]


@examples(50)
@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_a_pause_is_within_its_bounds(attempt: int, chance: float):
    assert 2.5 <= pause_s(attempt, chance) <= 21_600
    assert pause_s(attempt, 0.0) <= pause_s(attempt + 1, 0.0)


def test_before_its_time_nothing_is_tried(here: Installation):
    here.listen()
    here.notice("msg_1", said={"n": "1"})
    here.deliver(poster=Recording(failing("1")))
    here.now_s += 4
    assert here.deliver(poster=here.poster) == 0
    here.now_s += 1
    assert here.deliver() == 1


def test_an_endpoint_that_is_gone_is_not_tried_again(here: Installation):
    here.listen()
    here.notice("msg_1")
    here.deliver(poster=Recording(lambda url, body: Answer(410, "http_410")))
    assert states(here) == {"msg_1": ("dead", 1)}


def redeliver(here: Installation, endpoint: str = "ep_1", notice: str = "msg_1") -> None:
    stream = delivery_stream(endpoint, notice)
    state = DELIVERIES.fold(r.event for r in here.log.read_stream(stream))
    command = Redeliver(mode="test", endpoint_id=endpoint, notice_id=notice, at_s=int(here.now_s))
    (event,) = DELIVERIES.decide(command, state)
    here.append(stream, event)


def test_what_was_given_up_or_taken_goes_out_again_when_somebody_asks(here: Installation):
    here.listen()
    here.notice("msg_1")
    here.deliver(poster=Recording(lambda url, body: Answer(500, "http_500")), attempts=1)
    assert states(here) == {"msg_1": ("dead", 1)}
    redeliver(here)
    assert states(here) == {"msg_1": ("due", 0)}
    here.deliver(poster=here.poster)
    assert states(here) == {"msg_1": ("delivered", 1)}
    redeliver(here)
    here.deliver()
    assert [h["webhook-id"] for _, _, h in here.poster.posts] == ["msg_1", "msg_1"]


def test_what_is_tried_anyway_is_not_asked_for(here: Installation):
    here.listen()
    here.notice("msg_1")
    with pytest.raises(NotFound):
        redeliver(here)
    here.deliver(poster=Recording(lambda url, body: Answer(500, "http_500")))
    with pytest.raises(Refused) as refused:
        redeliver(here)
    assert refused.value.code == "still_trying"


def test_a_worker_whose_read_models_are_late_does_not_send_twice(here: Installation):
    here.listen()
    here.notice("msg_1")
    here.project()
    deliverer = here.deliverer()
    assert deliverer.lead()
    assert deliverer.step() == 1
    assert deliverer.step() == 0  # nothing was folded meanwhile: the row still says that it is due
    assert len(here.poster.posts) == 1


def test_one_delivers_and_the_others_stand_by(here: Installation):
    first, second = here.deliverer(), here.deliverer()
    assert first.lead() and not second.lead()
    first.close()
    assert eventually(second.lead)


def test_a_rebuild_a_replay_and_a_verification_send_nothing(here: Installation, monkeypatch: pytest.MonkeyPatch):
    here.listen()
    for number in range(3):
        here.notice(f"msg_{number}", f"org_{number}")
    here.project()
    before = here.log.head()

    def sent(*args: Any, **more: Any) -> Answer:
        raise AssertionError("something was sent")

    monkeypatch.setattr(Poster, "post", sent)
    monkeypatch.setattr(Recording, "post", sent)
    monkeypatch.setattr("socket.create_connection", sent)
    monkeypatch.setattr("socket.getaddrinfo", sent)
    rebuild.rebuild(here.conninfo)
    assert [found.differences for found in verify.verify(here.conninfo)] == [()] * 2
    for projector in here.projectors:
        projector.close()
    here.projectors[:] = []
    assert states_without_projecting(here) == {f"msg_{n}": ("due", 0) for n in range(3)}
    assert here.log.head() == before
    # and what would send is caught by the same means
    with pytest.raises(AssertionError, match="something was sent"):
        here.deliver()


def states_without_projecting(here: Installation) -> dict[str, tuple[Any, ...]]:
    return {n: tuple(r) for n, *r in here.rows("SELECT notice, state, attempts FROM {r}.deliveries ORDER BY notice")}


def test_live_rebuilt_and_the_oracle_agree_on_who_is_told(here: Installation):
    from oracle.outgoing import receivers

    here.listen("ep_1")
    here.notice("msg_1", "acme", "trial.ending")
    here.listen("ep_2", types=("trial.ending",), org="acme")
    here.notice("msg_2", "globex", "trial.ending")
    here.notice("msg_3", "acme", "trial.ending")
    here.unlisten("ep_1")
    here.notice("msg_4", "acme", "trial.ending")
    here.notice("msg_5", "acme", "test", endpoint_id="ep_2")
    here.deliver()
    live = here.rows("SELECT mode, notice, endpoint, state FROM {r}.deliveries ORDER BY 1, 2, 3")
    rebuild.rebuild(here.conninfo, [DERIVED.name])
    assert here.rows("SELECT mode, notice, endpoint, state FROM {r}.deliveries ORDER BY 1, 2, 3") == live
    endpoints = [
        dict(zip(("id", "types", "org", "from", "to"), row, strict=True))
        for row in here.rows("SELECT id, types, org, added_position, removed_position FROM {r}.endpoints")
    ]
    wanted = {
        (id, endpoint)
        for id, type, org, only, at in here.rows("SELECT id, type, org, endpoint, position FROM {r}.notices")
        for endpoint in receivers({"type": type, "org": org, "endpoint": only, "at": at}, endpoints)
    }
    assert {(notice, endpoint) for _, notice, endpoint, _ in live} == wanted
    assert len(wanted) == 6


# ---- posting ---------------------------------------------------------------------------------


class Server(http.server.BaseHTTPRequestHandler):
    """Answers what its path asks for."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))  # type: ignore[attr-defined]
        if self.path == "/slow":
            self.server.stop.wait(5)  # type: ignore[attr-defined]
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/taken")
        else:
            self.send_response(int(self.path.strip("/") or 200))
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@contextmanager
def served() -> Iterator[Any]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.got, server.stop = [], threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.stop.set()  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def at(server: Any, path: str = "/200", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.server_port}{path}"


HEADERS = {"Content-Type": "application/json", "webhook-id": "msg_1"}


def test_what_is_posted_arrives_as_it_is():
    with served() as server:
        assert Poster(allow_private=True).post(at(server, "/204"), b'{"a":1}', HEADERS) == Answer(204, None)
        ((path, headers, body),) = server.got
        assert (path, headers["webhook-id"], body) == ("/204", "msg_1", b'{"a":1}')
        assert headers["Host"] == f"127.0.0.1:{server.server_port}"


def test_a_redirect_is_refused_and_not_followed():
    with served() as server:
        assert Poster(allow_private=True).post(at(server, "/moved"), b"{}", HEADERS) == Answer(302, "redirect")
        assert [path for path, _, _ in server.got] == ["/moved"]


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_another_answer_is_a_failure(status: int):
    with served() as server:
        answer = Poster(allow_private=True).post(at(server, f"/{status}"), b"{}", HEADERS)
        assert answer == Answer(status, f"http_{status}")


def test_an_endpoint_that_does_not_answer_in_time_is_cut_off():
    with served() as server:
        poster = Poster(allow_private=True, timeout_s=0.2)
        assert poster.post(at(server, "/slow"), b"{}", HEADERS) == Answer(None, "timeout")


def test_nobody_there_is_a_failure_with_a_name():
    with served() as server:
        url = at(server)
    assert Poster(allow_private=True).post(url, b"{}", HEADERS) == Answer(None, "connection_refused")
    nowhere = Poster(allow_private=True, resolve=lambda host, port: [])
    assert nowhere.post("https://nowhere.example.com", b"{}", HEADERS) == Answer(None, "no_address")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "2130706433", "0x7f.1"])
def test_our_own_machine_is_refused_however_it_is_written(host: str):
    with served() as server:
        answer = Poster().post(at(server, host=host), b"{}", HEADERS)
        assert answer.status is None and answer.fault in ("private_address", "no_address")
        assert server.got == []


def test_a_name_of_which_one_address_is_private_is_refused():
    poster = Poster(resolve=lambda host, port: ["93.184.216.34", "10.0.0.7"])
    assert poster.post("https://two.example.com", b"{}", HEADERS) == Answer(None, "private_address")


def test_the_address_that_was_looked_at_is_the_one_that_is_connected_to(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []
    connected: list[Any] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["93.184.216.34"] if len(asked) == 1 else ["127.0.0.1"]

    def connect(address: Any, *args: Any) -> Any:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr("socket.create_connection", connect)
    answer = Poster(resolve=resolve).post("http://rebinding.example.com/x", b"{}", HEADERS)
    assert answer == Answer(None, "connection_refused")
    assert (asked, connected) == (["rebinding.example.com"], [("93.184.216.34", 80)])


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
        "::ffff:127.0.0.1", "2002:7f00:1::", "64:ff9b::7f00:1", "64:ff9b::a00:1", "not an address",
    ],
)  # fmt: skip
def test_what_is_not_the_public_internet_is_told(address: str):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::5db8:d822"])
def test_what_is_the_public_internet_is_told(address: str):
    assert is_public(address)


def test_a_notice_goes_over_the_wire_and_is_verified_there(here: Installation):
    here.now_s = time.time()
    with served() as server:
        here.listen(plain=True)
        here.notice("msg_1", said={"feature": "agents"})
        local = Local(server.server_port)
        assert here.deliver(poster=local) == 1
        ((_, headers, body),) = server.got
        key = here.keys.open([endpoint_subject("ep_1")])[endpoint_subject("ep_1")]
        assert key is not None
        said: Json = Webhook(secret_of(key)).verify(body, headers)
        assert json.loads(body) == said and said["data"]["feature"] == "agents"
        assert len(b64decode(secret_of(key).removeprefix("whsec_"))) == 32


class Local(Poster):
    """Posts to this machine, whatever the address."""

    def __init__(self, port: int) -> None:
        super().__init__(allow_private=True)
        self._port = port

    def post(self, url: str, body: bytes, headers: Any) -> Answer:
        return super().post(f"http://127.0.0.1:{self._port}/200", body, headers)

"""Stripe's signatures: ours accepts what the SDK accepts, except what is dated ahead or malformed by our limits."""

import hmac
from unittest import mock

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st
from laws import examples
from stripe import SignatureVerificationError, WebhookSignature

from api import signature
from api.settings import WebhookSecret
from api.signature import MAX_HEADER_BYTES, MAX_SIGNATURES, TOLERANCE_S, sign, verify
from ledger.errors import Invalid

NOW = 1_760_000_000
SECRET = b"whsec_1"
ROLLED = b"whsec_2"
BODY = b'{"id":"evt_1"}'
CODES = {
    "signature_missing", "signature_malformed", "signature_mismatch", "timestamp_expired", "timestamp_in_future",
}  # fmt: skip


def bound(*secrets: bytes) -> tuple[WebhookSecret, ...]:
    return tuple(WebhookSecret(s, None) for s in secrets)


def ours(header: str | None, body: bytes, *secrets: bytes) -> str:
    """`ok`, or the code. Any exception but Invalid fails the test."""
    try:
        verify(header, body, bound(*secrets), NOW)
    except Invalid as error:
        return error.code if error.code in CODES else f"no stable code: {error.code}"
    return "ok"


def sdk_accepts(header: str | None, body: bytes, *secrets: bytes) -> bool:
    """Whether the SDK takes it with any of the secrets."""
    for secret in secrets:
        with mock.patch("stripe._webhook.time.time", return_value=NOW):
            try:
                WebhookSignature.verify_header(body, header, secret.decode(), TOLERANCE_S)
            except (SignatureVerificationError, TypeError, UnicodeError):
                continue  # a TypeError for non-ASCII signatures, a UnicodeError for bodies: the SDK's way to refuse
        return True
    return False


def by_our_limits(header: str | None) -> bool:
    """The limits that we state beyond the SDK's: ASCII, 8 KiB, 16 signatures, a timestamp as Stripe writes it."""
    if not header or not header.isascii() or len(header) > MAX_HEADER_BYTES:
        return False
    parts = [p.split("=", 2) for p in header.split(",")]
    stamp = next((p[1] for p in parts if p[0] == "t" and len(p) > 1), "")
    whole = sum(p[0] == "v1" and len(p) > 1 and len(p[1]) == 64 for p in parts)
    return stamp.isdigit() and stamp == str(int(stamp)) and len(stamp) <= 12 and 0 < whole <= MAX_SIGNATURES


def stamp_in(header: str) -> int:
    return int(next(p.split("=", 2)[1] for p in header.split(",") if p.startswith("t=")))


def signed(stamp: str, body: bytes, secret: bytes) -> str:
    return hmac.digest(secret, stamp.encode() + b"." + body, "sha256").hex()


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[str, bytes]:
    """A header and a body: mostly nearly right, as an attacker's or a broken proxy's would be."""
    body = draw(st.sampled_from([BODY, b"", b"{}", "é\0".encode()]) | st.text(max_size=20).map(str.encode))
    seconds = NOW + draw(
        st.sampled_from([0, -TOLERANCE_S, TOLERANCE_S, -TOLERANCE_S - 1, TOLERANCE_S + 1, -(10**9), 10**9])
        | st.integers(-1000, 1000)
    )
    stamp = draw(st.sampled_from([str(seconds)] * 20 + [f"0{seconds}", f" {seconds}", f"+{seconds}", "-1", "", "x"]))
    as_number = stamp.strip().lstrip("+0") or "0"
    signature_ = st.one_of(
        st.builds(signed, st.sampled_from([stamp, as_number]), st.just(body), st.sampled_from([SECRET, ROLLED])),
        st.builds(signed, st.just(stamp), st.sampled_from([b"x", BODY]), st.sampled_from([b"wrong", b"", SECRET])),
        st.sampled_from(["", "é" * 64, "0" * 64, "A" * 64, "0" * 63]),
        st.text(max_size=70),
    )
    part = st.one_of(
        st.just(f"t={stamp}"),
        st.builds("v1={}".format, signature_),
        st.builds("v1={}".format, signature_),
        st.builds("v0={}".format, signature_),
        st.sampled_from(["t", "v1", "", " ", "t=", "v1=", "t=1", "=", "v1==", " v1=0", "scheme=é", f"t={stamp}=x"]),
        st.text(max_size=10),
    )
    parts = draw(st.just([]) | st.lists(part, max_size=5))
    if draw(st.integers(0, 9)):
        parts.insert(draw(st.integers(0, len(parts))), f"t={stamp}")
    if draw(st.integers(0, 4)):
        parts.append(f"v1={signed(as_number, body, draw(st.sampled_from([SECRET, ROLLED])))}")
    return ",".join(parts), body


@examples(600)
@given(
    deliveries(),
    st.sampled_from([(SECRET, ROLLED)] * 8 + [(SECRET,), (ROLLED, SECRET), (b"other",), (b"",), (b" ", SECRET), ()]),
)
@example((f"t=x,t={NOW},v1={signed(str(NOW), BODY, SECRET)}", BODY), (SECRET,))
@example((f"t=0{NOW},v1={signed(f'0{NOW}', BODY, SECRET)}", BODY), (SECRET,))
@example((f"t={NOW},v1={signed(str(NOW), BODY, b'')}", BODY), (b"",))
@example((f"t={NOW},v1={signed(str(NOW), BODY, SECRET)},v1", BODY), (SECRET,))
def test_ours_accepts_what_the_sdk_accepts_within_the_tolerance_both_ways(
    delivery: tuple[str, bytes], secrets: tuple[bytes, ...]
):
    header, body = delivery
    sane = by_our_limits(header)
    expected = sane and sdk_accepts(header, body, *secrets) and stamp_in(header) - NOW <= TOLERANCE_S
    event(f"accepted: {expected}")
    assert (ours(header, body, *secrets) == "ok") == expected


@given(st.none() | st.text(max_size=200) | st.text("tv1=,0é \0", max_size=60), st.binary(max_size=50))
def test_any_header_at_all_is_answered_with_a_code(header: str | None, body: bytes):
    assert ours(header, body, SECRET) in CODES


@pytest.mark.parametrize(
    ("offset_s", "outcome"),
    [
        (0, "ok"),
        (-TOLERANCE_S, "ok"),
        (TOLERANCE_S, "ok"),
        (-TOLERANCE_S - 1, "timestamp_expired"),
        (TOLERANCE_S + 1, "timestamp_in_future"),
        (10 * 365 * 86_400, "timestamp_in_future"),
    ],
)
def test_the_tolerance_holds_in_both_directions(offset_s: int, outcome: str):
    assert ours(sign(BODY, SECRET, NOW + offset_s), BODY, SECRET) == outcome


def test_a_signature_over_another_body_is_refused():
    assert ours(sign(BODY, SECRET, NOW), BODY + b" ", SECRET) == "signature_mismatch"


def test_a_signature_under_another_secret_is_refused():
    assert ours(sign(BODY, b"whsec_other", NOW), BODY, SECRET) == "signature_mismatch"


def test_bytes_that_are_no_text_are_verified_as_they_came():
    body = b"\xff\xfe\0"
    assert ours(sign(body, SECRET, NOW), body, SECRET) == "ok"


def test_an_age_is_told_only_to_whoever_could_sign():
    assert ours(sign(BODY, b"whsec_other", NOW - 10_000), BODY, SECRET) == "signature_mismatch"


def test_while_rolling_either_secret_and_any_of_several_signatures_counts():
    stamp = str(NOW)
    header = f"t={stamp},v1={signed(stamp, BODY, b'gone')},v0=zz,v1={signed(stamp, BODY, ROLLED)}"
    assert ours(header, BODY, SECRET, ROLLED) == "ok"
    assert verify(header, BODY, bound(SECRET, ROLLED), NOW).secret == ROLLED
    assert ours(header, BODY, SECRET) == "signature_mismatch"


def test_the_secret_that_signed_says_its_mode():
    secrets = (WebhookSecret(SECRET, "live"), WebhookSecret(ROLLED, "test"))
    assert verify(sign(BODY, ROLLED, NOW), BODY, secrets, NOW).mode == "test"


def test_an_empty_secret_signs_nothing():
    assert ours(sign(BODY, b"", NOW), BODY, b"") == "signature_mismatch"


@pytest.mark.parametrize("count", [MAX_SIGNATURES, MAX_SIGNATURES + 1])
def test_more_signatures_than_anybody_sends_are_not_compared(count: int):
    header = sign(BODY, SECRET, NOW) + f",v1={'0' * 64}" * (count - 1)
    assert ours(header, BODY, SECRET) == ("ok" if count <= MAX_SIGNATURES else "signature_malformed")


def test_a_header_over_8_kib_is_not_read():
    header = sign(BODY, SECRET, NOW)
    filler = "x" * (MAX_HEADER_BYTES - len(header) - 1)
    assert ours(f"{header},{filler}", BODY, SECRET) == "ok"
    assert ours(f"{header},{filler}x", BODY, SECRET) == "signature_malformed"


def test_every_pair_is_compared_in_constant_time():
    compared = []

    def compare(a: bytes, b: bytes) -> bool:
        compared.append((a, b))
        return hmac.compare_digest(a, b)

    with mock.patch.object(signature, "hmac", mock.Mock(digest=hmac.digest, compare_digest=compare)):
        header = sign(BODY, SECRET, NOW) + f",v1={'0' * 64}"
        assert verify(header, BODY, bound(SECRET, ROLLED), NOW).secret == SECRET
    assert len(compared) == 4

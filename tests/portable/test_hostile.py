"""The hostile plugin behind the platform: what docs/engines.md promises is refused, and the rest is listed there."""

import json
import re
import time

import pytest

from engines import ENGINES, ROOT, WasmtimePy
from upstreams import environment

BEHAVIOURS = re.findall(
    r"^ +[A-Z]\d+ (\w+) =>", (ROOT / "tests/hostile/behaviours.rs").read_text(), re.MULTILINE
)
ITEM = '{"TableName": "users", "Key": {"id": {"S": "1"}}}'

# Behaviour: arguments (`ALLOWED` and `OTHER` are servers) and a part of the denial.
REFUSED = {
    "send_elsewhere": ("OTHER", "rule egress"),
    "odd_authority": ("ALLOWED@OTHER", "rule egress"),
    "odd_path": ("//other.example/", "rule binding"),
    "other_operation": ("", "rule binding"),
    "no_target": ("", "rule binding"),
    "two_targets": ("", "rule binding"),
    "other_case": ("", "rule binding"),
    "buffered_request": ("ALLOWED DeleteTable", "rule binding"),
    "lie_about_refusal": ("", "rule binding"),
    "other_method": ("", "rule binding"),
    "other_path": ("", "rule binding"),
    "unsigned": ("", "rule signing"),
    "other_identity": ("", "rule signing"),
    "own_token": ("", "rule signing"),
    "unissued_scope": ("20010101 us-east-1 dynamodb", "rule signing"),
    "other_region": ("", "rule signing"),
    "other_service": ("", "rule signing"),
    "other_day": ("", "rule signing"),
    "send_in_connect": ("", "rule binding"),
    "key_in_connect": ("", "rule binding"),
    "other_in_test": ("", "rule binding"),
    "endless_request": ("", "rule request-bytes"),
    "stop_in_the_middle": ("", "rule request-bytes"),
    "hidden_write": ("", "rule access"),
    "hidden_write_in_batch": ("", "rule access"),
    "hidden_write_in_transaction": ("", "rule access"),
}
# The action during which a behaviour is carried out, if it is not GetItem.
ACTIONS = {
    "hidden_write": "ExecuteStatement",
    "hidden_write_in_batch": "BatchExecuteStatement",
    "hidden_write_in_transaction": "ExecuteTransaction",
}
# Behaviours that the engine's WASI bounds or that end in it, each with its own test below: nothing is sent.
OF_WASI = {"host_header", "forbidden_headers", "header_injection", "long_method", "huge_header"}
# Behaviours that the platform limits, each with its own test below.
LIMITED = {"many_requests", "own_timeouts", "hoard_buffered", "key_in_describe"}
# Behaviours that are no attacks by themselves.
HONEST = {"honest"}


def uncovered():
    """The behaviours that docs/engines.md leaves to the engine."""
    page = (ROOT / "docs/engines.md").read_text()
    _, rest = page.split("<!-- behaviours left to the engine: begin -->")
    rows, _ = rest.split("<!-- behaviours left to the engine: end -->")
    return set(re.findall(r"`(\w+)`", rows))


def test_every_behaviour_is_refused_limited_or_listed_as_left_to_the_engine():
    assert len(BEHAVIOURS) > 60
    known = [set(REFUSED), OF_WASI, LIMITED, HONEST, uncovered()]
    assert sum(len(each) for each in known) == len(set().union(*known)), "each behaviour is in one group"
    assert set().union(*known) == set(BEHAVIOURS)


@pytest.fixture(params=list(ENGINES))
def start(request, forms, recorder):
    """Connects the hostile plugin on each engine. Returns the outcome of its call, and the servers."""
    started = []

    def start(behaviour, arguments, method="execute", allowed=None, **more):
        allowed, other = allowed or recorder(), recorder()
        words = arguments.replace("ALLOWED", allowed.authority).replace("OTHER", other.authority)
        variables = environment(allowed.url, PORTCULLIS_ACCESS="read", **more)
        settings = f"{behaviour} {allowed.authority} {words}"
        started.append(ENGINES[request.param](forms / "hostile.wasm", variables, settings))
        call = [] if method == "test" else [ACTIONS.get(behaviour, "GetItem"), ITEM]
        return started[-1].call(method, *call), allowed, other

    yield start
    for each in started:
        each.close()


@pytest.mark.parametrize("behaviour", REFUSED)
def test_covered_behaviour_is_refused(behaviour, start):
    arguments, denial = REFUSED[behaviour]
    outcome, allowed, other = start(behaviour, arguments, "test" if behaviour == "other_in_test" else "execute")
    # An engine (jco) may refuse an authority before it is a request.
    denials = [denial, "HttpRequestUriInvalid"] if behaviour == "odd_authority" else [denial]
    assert outcome.error == "refused" and any(each in outcome.text for each in denials), outcome
    assert not allowed.requests and not other.requests


@pytest.mark.parametrize("arguments", ["ALLOWED https", "127.0.0.1:1", "OTHER http"])
def test_other_scheme_port_and_host_are_refused(arguments, start):
    outcome, allowed, other = start("send_elsewhere", arguments)
    assert outcome.error == "refused" and "rule egress" in outcome.text, outcome
    assert not allowed.requests and not other.requests


@pytest.mark.parametrize("arguments", ["today eu-west-1 dynamodb", "today us-east-1 s3"])
def test_signature_for_another_scope_is_refused(arguments, start):
    outcome, allowed, _ = start("unissued_scope", arguments)
    assert outcome.error == "refused" and "rule signing" in outcome.text, outcome
    assert not allowed.requests


def test_honest_request_passes(start):
    # So that the refusals above are for what differs. `http-messages` states the length of a body.
    outcome, allowed, _ = start("buffered_request", "ALLOWED GetItem")
    assert json.loads(outcome.ok)["status"] == 200
    assert [(method, path) for method, path, _, _ in allowed.requests] == [("POST", "/")]


def test_request_whose_body_the_plugin_writes_is_refused(start):
    outcome, allowed, _ = start("honest", "")
    assert outcome.error == "refused" and "whose body it writes itself" in outcome.text, outcome
    assert not allowed.requests


@pytest.mark.parametrize("how", ["stated", "valueless", "cloned"])
def test_second_request_in_a_body_is_not_sent(how, start):
    # Engines differ: jco sends all that a plugin writes, whatever length the headers state.
    outcome, allowed, _ = start("endless_request", how)
    assert outcome.error == "refused" and "rule request-bytes" in outcome.text, outcome
    assert not allowed.requests


def test_body_that_the_platform_holds_replaces_what_the_plugin_writes(start):
    outcome, allowed, _ = start("endless_request", "held")
    assert json.loads(outcome.ok) == {"status": 200}, outcome
    targets = [(headers["x-amz-target"], body) for _, _, headers, body in allowed.requests]
    assert targets == [("DynamoDB_20120810.GetItem", b"{}")]


@pytest.mark.parametrize("name", ["host", "transfer-encoding", "x-forwarded-for"])
def test_forbidden_header_in_one_piece_is_refused(name, start):
    outcome, allowed, _ = start("buffered_request", f"ALLOWED GetItem {name}")
    assert outcome.error in ("refused", "other"), outcome
    assert not allowed.requests


def test_no_more_requests_are_sent_than_a_call_may(start):
    outcome, allowed, _ = start("many_requests", "buffered", PORTCULLIS_REQUESTS="3")
    assert outcome.error == "refused" and "PORTCULLIS_REQUESTS" in outcome.text, outcome
    assert len(allowed.requests) == 3


def test_body_above_the_limit_is_refused_before_it_is_sent(start):
    outcome, allowed, _ = start("hoard_buffered", "body 2000", PORTCULLIS_REQUEST_BYTES="1000")
    assert outcome.error == "refused" and "rule request-bytes" in outcome.text, outcome
    outcome, _, _ = start("hoard_buffered", "body 1000", PORTCULLIS_REQUEST_BYTES="1000")
    assert json.loads(outcome.ok) == {"got": 1000}
    assert not allowed.requests


def test_response_above_the_limit_is_not_read(start, recorder):
    large = recorder(body=b" " * 5000)
    outcome, _, _ = start("buffered_request", "ALLOWED GetItem", allowed=large, PORTCULLIS_RESPONSE_BYTES="4999")
    assert outcome.error == "refused" and "rule response-bytes" in outcome.text, outcome
    outcome, _, _ = start("buffered_request", "ALLOWED GetItem", allowed=large, PORTCULLIS_RESPONSE_BYTES="5000")
    assert json.loads(outcome.ok)["status"] == 200


def test_timeouts_of_the_plugin_have_no_effect(start, recorder):
    # A nanosecond would be over before the response, and 1000 s after the deadline.
    slow = recorder(delay=0.3)
    outcome, _, _ = start("own_timeouts", "1 buffered", allowed=slow)
    assert json.loads(outcome.ok)["status"] == 200, outcome
    silent = recorder(delay=20)
    begin = time.monotonic()
    outcome, _, _ = start("own_timeouts", "1000000000000 buffered", allowed=silent, PORTCULLIS_DEADLINE="1s")
    assert outcome.error == "refused" and "timeout" in outcome.text.lower(), outcome
    assert time.monotonic() - begin < 15


def test_describe_gets_no_key(forms, recorder):
    # It loops when it is refused, so that the engine must end it.
    server = recorder()
    plugin = WasmtimePy(forms / "hostile.wasm", environment(server.url), f"honest {server.authority}", seconds=2)
    outcome = plugin.call("describe")
    assert outcome.error == "trap" and "key" not in str(outcome.ok), outcome


@pytest.mark.parametrize("behaviour", ["host_header", "header_injection"])
def test_wasi_refuses_what_no_header_may_be(behaviour, start):
    outcome, _, _ = start(behaviour, "")
    assert json.loads(outcome.ok)["accepted"] in (False, 0), outcome


@pytest.mark.parametrize("behaviour", ["forbidden_headers", "long_method", "huge_header"])
def test_what_wasi_accepts_is_sent_nowhere(behaviour, start):
    # What an engine accepts here differs. It is a request only in `handle`, where its headers and method are checked.
    arguments = {"forbidden_headers": "te upgrade", "long_method": "100000", "huge_header": "1000000"}
    outcome, allowed, other = start(behaviour, arguments.get(behaviour, ""))
    assert outcome.ok is not None or outcome.error == "trap", outcome
    assert not allowed.requests and not other.requests

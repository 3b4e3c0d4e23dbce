"""The library form on each engine: what works, and what is refused."""

import json
import shutil
import subprocess
import sys
import threading
import time

from engines import ROOT, Jco, WasmtimePy
from upstreams import environment, settings

KEY = '{"TableName": "users", "Key": {"id": {"S": "1"}}}'
# 3 MB in ten items, of 400 KB at most.
BATCH = {"users": [{"PutRequest": {"Item": {"id": {"S": f"{n}"}, "v": {"S": "x" * 300_000}}}} for n in range(10)]}


def test_list_tables(engine, dynamodb):
    outcome = engine(environment(dynamodb.url), settings(dynamodb.url)).call("execute", "ListTables", "{}")
    assert json.loads(outcome.ok) == {"TableNames": ["users"]}


def test_get_item(engine, dynamodb):
    item = {"id": {"S": "1"}, "n": {"N": "12345678901234567890123456789012345678"}}
    dynamodb.send("PutItem", {"TableName": "users", "Item": item})
    outcome = engine(environment(dynamodb.url), settings(dynamodb.url)).call("execute", "GetItem", KEY)
    assert json.loads(outcome.ok) == {"Item": item}


def test_batch_write_item_of_3_mb(engine, dynamodb):
    connected = engine(environment(dynamodb.url), settings(dynamodb.url))
    outcome = connected.call("execute", "BatchWriteItem", json.dumps({"RequestItems": BATCH}))
    assert json.loads(outcome.ok) == {"UnprocessedItems": {}}, outcome
    for number in [0, 9]:
        key = {"TableName": "users", "Key": {"id": {"S": str(number)}}}
        assert len(dynamodb.send("GetItem", key)["Item"]["v"]["S"]) == 300_000
    # The instance serves further calls. The response is larger than what the platform reads at a time.
    scanned = json.loads(connected.call("execute", "Scan", '{"TableName": "users"}').ok)
    assert scanned["Count"] >= 3 and {len(item["v"]["S"]) for item in scanned["Items"]} == {300_000}


def test_error_of_the_service_keeps_its_code_and_has_a_hint(engine, dynamodb):
    call = '{"TableName": "nope", "Key": {"id": {"S": "1"}}}'
    outcome = engine(environment(dynamodb.url), settings(dynamodb.url)).call("execute", "GetItem", call)
    assert outcome.error == "service", outcome
    assert outcome.detail["code"] == "ResourceNotFoundException"
    assert "ListTables" in outcome.detail["hint"]


def test_refused_origin_is_not_reached(engine, recorder):
    allowed, other = recorder(), recorder()
    outcome = engine(environment(allowed.url), settings(other.url)).call("execute", "ListTables", "{}")
    assert outcome.error == "refused" and f"add {other.url} to PORTCULLIS_EGRESS" in outcome.text, outcome
    assert not allowed.requests and not other.requests


def test_missing_secret_is_named(engine, recorder):
    server = recorder()
    variables = environment(server.url)
    del variables["AWS_SECRET_ACCESS_KEY"]
    outcome = engine(variables, settings(server.url)).call("execute", "ListTables", "{}")
    assert outcome.error == "credentials", outcome
    assert "AWS_SECRET_ACCESS_KEY: it is not set" in outcome.text
    assert not server.requests


def test_call_ends_at_the_deadline(engine, recorder):
    server = recorder(delay=20)
    connected = engine(environment(server.url, PORTCULLIS_DEADLINE="1s"), settings(server.url))
    start = time.monotonic()
    outcome = connected.call("execute", "ListTables", "{}")
    elapsed = time.monotonic() - start
    assert outcome.error == "timeout", outcome
    assert 0.9 < elapsed < 5, elapsed
    assert len(server.requests) == 1
    # Node's shim names fields in camel case.
    assert outcome.detail.get("maybe_applied", outcome.detail.get("maybeApplied")) is True


def test_response_that_breaks_off_is_retried(engine, breaking):
    server = breaking()
    connected = engine(environment(server.url), settings(server.url))
    for requests in [2, 3]:
        outcome = connected.call("execute", "ListTables", "{}")
        assert outcome.ok and json.loads(outcome.ok) == {"TableNames": []}, outcome
        assert server.requests == requests


def test_responses_that_all_break_off_are_an_error_of_transport_and_later_calls_work(engine, breaking):
    server = breaking(broken=2)
    connected = engine(environment(server.url), settings(server.url, maxAttempts=2))
    outcome = connected.call("execute", "ListTables", "{}")
    assert outcome.error == "transport" and server.requests == 2, outcome
    # Node's shim names fields in camel case.
    assert outcome.detail.get("maybe_applied", outcome.detail.get("maybeApplied")) is True
    assert json.loads(connected.call("execute", "ListTables", "{}").ok) == {"TableNames": []}


def test_requests_of_a_call_are_counted(engine, recorder):
    server = recorder(status=500)
    connected = engine(environment(server.url, PORTCULLIS_REQUESTS="2"), settings(server.url, maxAttempts=5))
    for calls in [1, 2]:
        assert connected.call("execute", "ListTables", "{}").error is not None
        assert len(server.requests) == 2 * calls, "each call has its own count"


def test_misspelt_variable_is_refused_instead_of_ignored(engine, recorder):
    server = recorder()
    outcome = engine(environment(server.url, PORTCULLIS_ACTION="GetItem"), settings(server.url)).call(
        "execute", "ListTables", "{}"
    )
    assert outcome.error == "invalid-settings" and "PORTCULLIS_ACTIONS" in outcome.text, outcome
    assert not server.requests


def test_misspelt_variable_of_the_service_form_is_named_too(engine, recorder):
    variables = environment(recorder().url, PORTCULLIS_TOKENS="x")
    outcome = engine(variables, settings("http://127.0.0.1:1")).call("execute", "ListTables", "{}")
    assert outcome.error == "invalid-settings" and "did you mean PORTCULLIS_TOKEN?" in outcome.text, outcome


def test_origin_may_end_with_a_slash(engine, recorder):
    server = recorder()
    connected = engine(environment(f"{server.url}/"), settings(server.url))
    assert connected.call("execute", "ListTables", "{}").ok == "{}"


def test_missing_region_is_named(engine, recorder):
    server = recorder()
    variables = environment(server.url)
    del variables["AWS_REGION"]
    outcome = engine(variables, settings(server.url)).call("execute", "ListTables", "{}")
    assert outcome.error == "refused" and "or set AWS_REGION=us-east-1" in outcome.text, outcome
    assert not server.requests


def test_odd_address_in_the_endpoint_is_an_error_of_the_settings(engine, recorder):
    server = recorder()
    for host in ["2130706433", "0x7f000001", "127.1"]:
        endpoint = f"http://{host}:{server.port}"
        outcome = engine(environment(server.url), settings(endpoint)).call("execute", "ListTables", "{}")
        assert outcome.error == "invalid-settings" and "correct the endpoint" in outcome.text, outcome
    assert not server.requests


def test_plugin_for_another_release_of_wasi_does_not_reach_a_refused_origin(engine, recorder):
    allowed, other = recorder(), recorder()
    for form in ["echo", "echo-earlier-wasi"]:
        connected = engine(environment(allowed.url), json.dumps({"authority": other.authority}), form)
        outcome = connected.call("execute", "GetItem", "{}")
        assert outcome.error == "refused" and "rule egress" in outcome.text, (form, outcome)
    assert not allowed.requests and not other.requests


def test_threads_share_a_datasource_in_python(forms, recorder):
    server = recorder()
    connected = WasmtimePy(forms / "library.wasm", environment(server.url), settings(server.url))
    outcomes = []
    call = lambda: outcomes.extend(connected.call("execute", "ListTables", "{}") for _ in range(10))
    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [outcome.ok for outcome in outcomes] == ["{}"] * 40


def test_example_programs_print_errors_as_one_line_of_json(forms, tmp_path, recorder):
    server = recorder()
    Jco(forms / "library.wasm", environment(server.url), settings(server.url)).close()  # writes the JavaScript
    script = forms / "host.mjs"
    shutil.copy(ROOT / "examples/hosts/host.mjs", script)
    for program in [
        [sys.executable, ROOT / "examples/hosts/host.py", forms / "library.wasm"],
        ["node", script],
    ]:
        def run(**more):
            path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
            run = subprocess.run([*program, "ListTables"], env=path | environment(server.url, **more), capture_output=True, text=True)
            assert run.returncode == 1 and run.stdout == "", run
            return run.stderr

        assert "PORTCULLIS_SETTINGS" in run() and run().count("\n") == 1
        error = json.loads(run(PORTCULLIS_SETTINGS='{"regin": 1}'))
        assert error["tag"] == "invalid-settings" and error["val"][0]["pointer"] == "/regin", error
        error = json.loads(run(PORTCULLIS_SETTINGS=settings(server.url), PORTCULLIS_DEADLINE="soon"))
        assert error["tag"] == "invalid-settings" and "PORTCULLIS_DEADLINE" in error["val"][0]["message"], error
    assert not server.requests


def test_example_programs_have_at_most_40_lines():
    for name in ["host.py", "host.mjs"]:
        assert len((ROOT / "examples/hosts" / name).read_text().splitlines()) <= 40, name

"""The service form on `wasmtime serve` and on jco's server: DynamoDB's protocol, the JSON API, and boto3."""

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from upstreams import environment, free_port, settings, wait_for

TOKEN = "0123456789abcdef-token"


def wasmtime_serve(file, port, variables):
    import wasmtime_cli

    # The package's own script needs the x bit, which the package does not set.
    program = Path(wasmtime_cli.__file__).parent / "wasmtime"
    program.chmod(0o755)
    names = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    return [program, "serve", "-Scli", "--addr", f"127.0.0.1:{port}", *names, file]


def jco_serve(file, port, _):
    jco = file.parent / "node_modules/.bin/jco"
    return [jco, "serve", "--isolate-requests", "instance", "--host", "127.0.0.1", "--port", str(port), file]


def wash_dev(file, port, variables):
    folder = Path(tempfile.mkdtemp(dir=file.parent))
    (folder / ".wash").mkdir()
    hosts = [variables["PORTCULLIS_EGRESS"].removeprefix("http://")]
    config = {
        "build": {"command": "true", "component_path": str(file)},
        "dev": {"address": f"127.0.0.1:{port}"},
        "workload": {"environment": {"config": variables}, "allowedHosts": hosts},
    }
    (folder / ".wash/config.yaml").write_text(json.dumps(config))  # JSON is YAML
    program = Path(sys.executable).parent / "wash"
    # The process must be the one that is ended, and it must start in its own folder.
    return ["sh", "-c", f"cd {folder} && exec {program} dev --non-interactive"]


SERVERS = {"wasmtime serve": wasmtime_serve, "jco serve": jco_serve, "wash dev": wash_dev}


@pytest.fixture(params=list(SERVERS))
def serve(request, forms):
    """Serves the service form, and returns its port. The function takes variables of the environment."""
    started = []

    def start(variables):
        port = free_port()
        command = [str(word) for word in SERVERS[request.param](forms / "service.wasm", port, variables)]
        path = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
        output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, env=path | variables, cwd=forms, **output))
        wait_for(port, started[-1])
        # `wash dev` listens before it has the component.
        for _ in range(300):
            if send(port, "GET", "/healthz") == (200, {"ok": True}):
                return port
            time.sleep(0.1)
        raise AssertionError("the server has no component after 30 s")

    yield start
    for process in started:
        process.terminate()
        process.wait(30)


def variables(url, **more):
    return environment(url, PORTCULLIS_SETTINGS=settings(url), **more)


def send(port, method, path, body=None, **headers):
    """Returns the status and the body of a response."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    names = {name.replace("_", "-"): text for name, text in headers.items()}
    client.request(method, path, body, names)
    response = client.getresponse()
    text = response.read()
    is_json = "json" in (response.getheader("content-type") or "")
    return response.status, json.loads(text) if is_json else text


def head(port, method, path, **headers):
    """Returns the status of a response, and its headers by their names in lower case."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.request(method, path, headers=headers)
    response = client.getresponse()
    response.read()
    return response.status, {name.lower(): value for name, value in response.getheaders()}


def client(port, key="any", **config):
    return boto3.client(
        "dynamodb",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, **config),
    )


def test_paths_of_the_json_api(serve, dynamodb):
    port = serve(variables(dynamodb.url))
    json_type = {"content_type": "application/json"}
    assert send(port, "GET", "/healthz") == (200, {"ok": True})
    status, described = send(port, "GET", "/v1/describe")
    assert status == 200 and described["name"] == "dynamodb"
    listed = send(port, "POST", "/v1/actions/ListTables", "{} // all", **json_type)
    assert listed == (200, {"TableNames": ["users"]})
    status, problem = send(port, "POST", "/v1/actions/GetItem", '{"TableNam": "users"}', **json_type)
    assert (status, problem["case"]) == (400, "invalid-input")
    assert (problem["type"], problem["title"]) == ("urn:portcullis:problem:invalid-input", "Bad Request")
    assert problem["faults"][0]["pointer"] == "/TableNam"
    status, problem = send(port, "POST", "/v1/actions/GetItm", "{}", **json_type)
    assert (status, problem["case"]) == (404, "unknown-action")
    status, problem = send(port, "POST", "/v1/actions/ListTables", "{}", content_type="text/plain")
    assert (status, problem["type"]) == (415, "urn:portcullis:problem:media-type")
    assert problem["title"] == "Unsupported Media Type"
    assert send(port, "GET", "/v2")[0] == 404


def test_boto3_writes_and_reads_items_and_gets_the_services_errors(serve, dynamodb):
    client_ = client(serve(variables(dynamodb.url)))
    number = "12345678901234567890123456789012345678"
    client_.put_item(TableName="users", Item={"id": {"S": "ä"}, "n": {"N": number}})
    got = client_.get_item(TableName="users", Key={"id": {"S": "ä"}})
    assert got["Item"]["n"]["N"] == number
    assert client_.list_tables()["TableNames"] == ["users"]
    with pytest.raises(client_.exceptions.ResourceNotFoundException):
        client_.get_item(TableName="nope", Key={"id": {"S": "1"}})
    with pytest.raises(client_.exceptions.ConditionalCheckFailedException):
        client_.put_item(TableName="users", Item={"id": {"S": "ä"}}, ConditionExpression="attribute_not_exists(id)")
    items = [{"PutRequest": {"Item": {"id": {"S": f"{n}"}, "v": {"S": "x" * 300_000}}}} for n in range(10)]
    assert client_.batch_write_item(RequestItems={"users": items})["UnprocessedItems"] == {}


def test_what_the_settings_do_not_allow_is_refused_in_both_forms(serve, recorder):
    server, other = recorder(), recorder()
    allowed = variables(server.url, PORTCULLIS_ACCESS="read")
    port = serve(allowed)
    with pytest.raises(ClientError) as refused:
        client(port).put_item(TableName="users", Item={"id": {"S": "1"}})
    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert "set PORTCULLIS_ACCESS=write" in refused.value.response["Error"]["Message"]
    port = serve(allowed | {"PORTCULLIS_SETTINGS": settings(other.url)})
    status, problem = send(port, "POST", "/v1/actions/ListTables", "{}", content_type="application/json")
    assert (status, problem["case"]) == (403, "denied") and other.url in problem["detail"]
    assert not server.requests and not other.requests


def test_errors_of_the_environment_name_the_variable(serve, recorder):
    server = recorder()
    whole = variables(server.url)
    call = {"content_type": "application/json"}
    for change, status, part in [
        ({"AWS_SECRET_ACCESS_KEY": ""}, 503, "AWS_SECRET_ACCESS_KEY: it is not set"),
        ({"PORTCULLIS_SETTINGS": "{"}, 503, "PORTCULLIS_SETTINGS: "),
        ({"PORTCULLIS_DEADLINE": "soon"}, 503, "PORTCULLIS_DEADLINE: "),
        ({"PORTCULLIS_TOKEN": "short"}, 503, "PORTCULLIS_TOKEN: "),
        ({"PORTCULLIS_TOKEN": ""}, 503, "PORTCULLIS_TOKEN: it is empty"),
        ({"PORTCULLIS_ACTIONS": ""}, 503, "PORTCULLIS_ACTIONS: it is empty"),
    ]:
        port = serve(whole | change)
        answer = send(port, "POST", "/v1/actions/ListTables", "{}", **call)
        assert answer[0] == status and part in answer[1]["detail"], answer
    assert not server.requests


def test_readiness_depends_on_settings_and_credentials(serve, recorder):
    server = recorder()
    whole = variables(server.url, PORTCULLIS_TOKEN=TOKEN)
    port = serve(whole)
    for path in ["/healthz", "/readyz"]:
        assert send(port, "GET", path) == (200, {"ok": True})
        assert head(port, "HEAD", path)[0] == 200
    for change in [{"AWS_SECRET_ACCESS_KEY": ""}, {"PORTCULLIS_SETTINGS": "{}"}, {"PORTCULLIS_DEADLINE": "soon"}]:
        port = serve(whole | change)
        status, problem = send(port, "GET", "/readyz")
        assert (status, problem["case"]) == (503, "not-ready"), change
    assert not server.requests


def test_refusals_say_what_would_be_accepted(serve, recorder):
    port = serve(variables(recorder().url, PORTCULLIS_TOKEN=TOKEN))
    status, headers = head(port, "POST", "/healthz")
    assert (status, headers["allow"]) == (405, "GET, HEAD")
    status, headers = head(port, "GET", "/v1/describe")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert head(port, "GET", "/v1/describe", authorization=f"bearer {TOKEN}")[0] == 200
    call = {"content_type": "application/json", "authorization": f"Bearer {TOKEN}"}
    status, problem = send(port, "POST", "/v1/actions/GetItm", "{}", **call)
    assert status == 404 and "/v1/describe" in problem["remedy"]
    status, error = send(port, "POST", "/", "{}", authorization=f"Bearer {TOKEN}")
    assert status == 400 and "x-amz-target" in error["message"]


def test_with_a_token_nobody_else_is_let_in(serve, dynamodb):
    port = serve(variables(dynamodb.url, PORTCULLIS_TOKEN=TOKEN))
    call = {"content_type": "application/json"}
    assert send(port, "GET", "/healthz")[0] == 200
    assert send(port, "GET", "/v1/describe")[0] == 401
    assert send(port, "POST", "/v1/actions/ListTables", "{}", **call)[0] == 401
    right = {"authorization": f"Bearer {TOKEN}"}
    assert send(port, "POST", "/v1/actions/ListTables", "{}", **call, **right)[0] == 200
    assert client(port, TOKEN).list_tables()["TableNames"] == ["users"]
    with pytest.raises(ClientError) as refused:
        client(port).list_tables()
    assert refused.value.response["Error"]["Code"] == "UnrecognizedClientException"


def test_without_a_token_only_programs_that_name_this_machine_are_let_in(serve, recorder):
    server = recorder()
    port = serve(variables(server.url))
    call = {"content_type": "application/json"}
    own = {"host": f"localhost:{port}"}
    assert send(port, "GET", "/v1/describe", **own)[0] == 200
    assert send(port, "GET", "/v1/describe", **own, origin=f"http://localhost:{port}", sec_fetch_site="same-origin")[0] == 200
    for headers in [
        {"host": f"rebound.example:{port}"},  # a name that its owner has let point to this machine
        own | {"origin": "http://other.example"},
        own | {"origin": "null"},
        own | {"sec_fetch_site": "cross-site"},
    ]:
        assert send(port, "GET", "/v1/describe", **headers)[0] == 403, headers
        status, problem = send(port, "POST", "/v1/actions/ListTables", "{}", **call, **headers)
        assert (status, problem["case"]) == (403, "forbidden") and "PORTCULLIS_TOKEN" in problem["remedy"]
        # DynamoDB's protocol, which needs no special media type.
        target = {"x_amz_target": "DynamoDB_20120810.ListTables", "content_type": "application/x-amz-json-1.0"}
        status, error = send(port, "POST", "/", "{}", **target, **headers)
        assert status == 400 and "AccessDeniedException" in error["__type"], error
    assert not server.requests
    # Load balancers do not name this machine.
    assert send(port, "GET", "/healthz", host="other.example")[0] == 200


def test_with_a_token_the_service_has_any_name(serve, recorder):
    port = serve(variables(recorder().url, PORTCULLIS_TOKEN=TOKEN))
    headers = {"host": "orders.example", "authorization": f"Bearer {TOKEN}"}
    assert send(port, "GET", "/v1/describe", **headers)[0] == 200


def test_body_above_the_limit_is_refused_before_it_is_read(serve, recorder):
    server = recorder()
    port = serve(variables(server.url, PORTCULLIS_REQUEST_BYTES="1000"))
    call = {"content_type": "application/json"}
    # The length alone is sent, so that a service that waits for the body does not respond in time.
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client_:
        head = f"POST /v1/actions/ListTables HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n"
        client_.sendall(f"{head}Content-Length: 1001\r\n\r\n".encode())
        assert b" 413 " in client_.recv(100)
    status, problem = send(port, "POST", "/v1/actions/ListTables", "{" + " " * 1000 + "}", **call)
    assert status == 413 and "raise PORTCULLIS_REQUEST_BYTES" in problem["remedy"]
    # Without a stated length, it is counted. Some engines close the connection before all of it was sent.
    chunks = iter([b"{", b" " * 1000, b"}"])
    try:
        assert send(port, "POST", "/v1/actions/ListTables", chunks, **call)[0] == 413
    except (BrokenPipeError, ConnectionResetError):
        assert not server.requests
    assert send(port, "POST", "/v1/actions/ListTables", "{" + " " * 998 + "}", **call)[0] == 200
    assert len(server.requests) == 1


def test_call_ends_at_the_deadline(serve, recorder):
    port = serve(variables(recorder(delay=20).url, PORTCULLIS_DEADLINE="1s"))
    call = {"content_type": "application/json"}
    status, problem = send(port, "POST", "/v1/actions/ListTables", "{}", **call)
    assert (status, problem["case"], problem["maybeApplied"]) == (504, "timeout", True)


def test_service_goes_on_after_a_response_that_breaks_off(serve, breaking):
    server = breaking()
    port = serve(variables(server.url))
    call = {"content_type": "application/json"}
    for requests in [2, 3]:
        assert send(port, "POST", "/v1/actions/ListTables", "{}", **call) == (200, {"TableNames": []})
        assert server.requests == requests

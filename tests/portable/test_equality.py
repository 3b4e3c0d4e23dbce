"""The library form gives the same results and errors as the host: on the documented examples, and on generated calls."""

import json
import random
import re
import subprocess
import tempfile

from engines import ROOT, WasmtimePy
from upstreams import IDENTITY, PORTCULLIS, Dynamodb, environment, settings

EXAMPLES = json.loads((ROOT / "tests/fixtures/reference-examples.json").read_text())
# The exit codes of `portcullis execute`.
EXIT_CODES = {"unknown-action": 4, "invalid-input": 5, "credentials": 6, "refused": 7, "service": 8, "transport": 9}
# For compiled code: without a home folder, each run would compile the plugin.
HOME = tempfile.TemporaryDirectory()
# What a server makes up anew.
VOLATILE = re.compile(r"(Id|Arn|DateTime|Time|Timestamp|Token|Date)$")


def steady(value):
    """A result without what differs between two servers."""
    if isinstance(value, dict):
        kept = {name: steady(each) for name, each in value.items() if not VOLATILE.search(name)}
        return kept
    return [steady(each) for each in value] if isinstance(value, list) else value


def host(url, action, text):
    """Runs a call on the host: the exit code, the result, and the message of an error."""
    command = [str(PORTCULLIS), "execute", "--endpoint", url, "--region", "us-east-1", "--access", "admin"]
    environment = IDENTITY | {"HOME": HOME.name}
    done = subprocess.run(
        [*command, "--output", "json", action, "-"], input=text, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def compare(library, library_server, host_server, calls):
    """Runs the same calls on both, each with its own server. Returns how many ended in each way."""
    endings = {}
    for action, text in calls:
        ours = library.call("execute", action, text)
        code, result, message = host(host_server.url, action, text)
        place = f"{action} {text[:300]}\n{ours}\n{code} {result} {message}"
        assert EXIT_CODES.get(ours.error, 0 if ours.error is None else 1) == code, place
        if ours.error is None:
            assert steady(json.loads(ours.ok)) == steady(json.loads(result)), place
        for fault in ours.detail if ours.error == "invalid-input" else []:
            assert fault["pointer"] in message and fault["message"] in message, place
        if ours.error == "service":
            assert f"{ours.detail['code']}: {ours.detail['message']}" in message, place
            assert ours.detail["hint"] is None or ours.detail["hint"] in message, place
        if ours.error == "unknown-action":
            assert ours.detail in message, place
        endings[ours.error] = endings.get(ours.error, 0) + 1
    return endings


def run(forms, calls):
    servers = [Dynamodb(), Dynamodb()]
    try:
        library = WasmtimePy(forms / "library.wasm", environment(servers[0].url), settings(servers[0].url))
        return compare(library, *servers, calls)
    finally:
        for server in servers:
            server.close()


def test_the_documented_examples_have_the_same_results(forms):
    assert len(EXAMPLES) == 41
    endings = run(forms, [(example["action"], example["body"]) for example in EXAMPLES])
    assert sum(endings.values()) == 41 and endings[None] >= 5 and endings["invalid-input"] >= 2, endings


def test_generated_calls_have_the_same_results(forms):
    endings = run(forms, list(generated(random.Random(22), 200)))
    assert sum(endings.values()) == 200
    for ending, least in [(None, 60), ("service", 10), ("invalid-input", 20), ("unknown-action", 3)]:
        assert endings.get(ending, 0) >= least, endings


def generated(chance, count):
    """Calls of many kinds: valid ones, ones that the service refuses, and ones that cannot be sent."""
    kinds = [put, put, get, get, update, delete, query, scan, batch, typo, wrong_type, not_json, unknown, comment]
    for _ in range(count):
        yield chance.choice(kinds)(chance)


def value(chance, depth=0):
    leaves = [
        lambda: {"S": chance.choice(["", "a", "ä\u2028\U0001f600", '"\\', "x" * 2000])},
        lambda: {"N": chance.choice(["0", "-1.50", "1e125", "12345678901234567890123456789012345678", "1e999", "abc"])},
        lambda: {"B": chance.choice(["", "AAECAw==", "not base64"])},
        lambda: {"BOOL": chance.choice([True, False])},
        lambda: {"NULL": True},
        lambda: {"SS": chance.choice([["a", "b"], ["a", "a"], []])},
        lambda: {"NS": ["1", "2.0"]},
        lambda: chance.choice(["plain", 5, 1.25, None, True]),
    ]
    nested = [
        lambda: {"L": [value(chance, depth + 1) for _ in range(chance.randrange(3))]},
        lambda: {"M": {f"k{n}": value(chance, depth + 1) for n in range(chance.randrange(3))}},
    ]
    return chance.choice(leaves + (nested if depth < 3 else []))()


def key(chance):
    return {"id": {"S": chance.choice("abcd")}}


def put(chance):
    item = key(chance) | {f"f{n}": value(chance) for n in range(chance.randrange(4))}
    return "PutItem", json.dumps({"TableName": "users", "Item": item}, ensure_ascii=chance.random() < 0.5)


def get(chance):
    name = chance.choice(["users", "users", "users", "nope"])
    return "GetItem", json.dumps({"TableName": name, "Key": key(chance)})


def update(chance):
    expression = chance.choice(["SET a = :v", "SET a = if_not_exists(a, :v)", "SET a = :w", "SETT a = :v", "REMOVE a"])
    call = {"TableName": "users", "Key": key(chance), "UpdateExpression": expression, "ReturnValues": "ALL_NEW"}
    if ":" in expression:
        call["ExpressionAttributeValues"] = {":v": {"N": "1"}}
    return "UpdateItem", json.dumps(call)


def delete(chance):
    condition = chance.choice([{}, {"ConditionExpression": "attribute_exists(zzz)"}])
    return "DeleteItem", json.dumps({"TableName": "users", "Key": key(chance), "ReturnValues": "ALL_OLD", **condition})


def query(chance):
    values = {":id": {"S": chance.choice("abcd")}}
    call = {"TableName": "users", "KeyConditionExpression": "id = :id", "ExpressionAttributeValues": values}
    return "Query", json.dumps(call)


def scan(chance):
    return "Scan", json.dumps({"TableName": "users", "Select": "COUNT", "ReturnConsumedCapacity": "TOTAL"})


def batch(chance):
    keys = [{"id": {"S": letter}} for letter in chance.sample("abcd", 2)]
    return "BatchGetItem", json.dumps({"RequestItems": {"users": {"Keys": keys[:1]}}})


def typo(chance):
    field = chance.choice(["TableNam", "tableName", "Kye", "ConsistentReads"])
    return "GetItem", json.dumps({"TableName": "users", "Key": key(chance), field: "x"})


def wrong_type(chance):
    return "Scan", json.dumps({"TableName": "users", "Limit": chance.choice(["5", 1.5, -1, [], True])})


def not_json(chance):
    return "GetItem", chance.choice(["{", '{"TableName": }', "[]", '"a"', '{"a": 1 "b": 2}', "{'a': 1}", "\u00e9"])


def unknown(chance):
    return chance.choice(["GetItm", "getItem", "Nothing"]), "{}"


def comment(chance):
    return "ListTables", chance.choice(["", " ", "{} // all", '/* none */ {"Limit": 5,}'])

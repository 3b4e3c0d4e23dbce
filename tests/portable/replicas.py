"""Measures servers behind HAProxy: calls a second, latency and processor time, for one server and for two, and what is lost
when one of two is killed.

    replicas.py PORTCULLIS        (needs haproxy and wrk)

All programs share the cores of one machine, so that two servers are not faster than one if the cores are busy. What the
figures show is what the balancer costs, and that calls are spread evenly.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

PROGRAM = sys.argv[1]
SECONDS = 10
HAPROXY = Path(__file__).parent / "../../packaging/haproxy.cfg"
PORTS = [8701, 8702]

POLICY = """
[datasources.orders]
plugin = "dynamodb"
settings = {{ region = "us-east-1", endpoint = "{url}" }}
credentials = {{ from = "env" }}
egress = ["{url}"]
networks = {{ "{url}" = ["127.0.0.0/8"] }}
access = "admin"

[server]
trusted-proxies = ["127.0.0.1"]
"""

LUA = """
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
wrk.body = '{"TableName": "orders", "Key": {"id": {"S": "1"}}}'
"""


def processor_time(process):
    """The processor time of a process, in seconds."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(folder, arguments, **more):
    environment = {**os.environ, "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", **more}
    return subprocess.Popen(arguments, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def post(url, action, body):
    request = urllib.request.Request(f"{url}/v1/datasources/{action}", data=body.encode(), headers={"Content-Type": "application/json"})
    return urllib.request.urlopen(request).read()


def wrk(folder, url):
    """Calls a second, the median and the 99th percentile of the latency, and failures."""
    output = subprocess.run(
        ["wrk", "-t1", "-c32", f"-d{SECONDS}s", "--latency", "-s", "call.lua", f"{url}/v1/datasources/orders/actions/GetItem"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    latency = [re.search(rf"{part}%\s+([\d.]+\w+)", output)[1] for part in (50, 99)]
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    failures = (int(other[1]) if other else 0) + (sum(map(int, errors.groups())) if errors else 0)
    return rate, *latency, failures


def row(name, folder, url, servers, balancer=None):
    measured = [server for server in servers if server.poll() is None]
    programs = measured + ([balancer] if balancer else [])
    before = [processor_time(program) for program in programs]
    rate, p50, p99, failures = wrk(folder, url)
    used = [processor_time(program) - time for program, time in zip(programs, before)]
    calls = rate * SECONDS
    each = sum(used[: len(measured)]) / calls * 1e6
    proxy = used[-1] / calls * 1e6 if balancer else 0
    share = max(used[: len(measured)]) / sum(used[: len(measured)])
    print(f"| {name} | {rate:.0f} | {p50} | {p99} | {each:.0f} | {proxy:.0f} | {share * 100:.0f} % | {failures} |")


with tempfile.TemporaryDirectory() as folder:
    (Path(folder) / "call.lua").write_text(LUA)
    running = []
    try:
        upstream = start(folder, [PROGRAM, "serve", "--local", "--empty", "--listen", "127.0.0.1:0", "--wire", "127.0.0.1:0=local"])
        running.append(upstream)
        urls = []
        for line in upstream.stdout:
            if line.startswith("http"):
                urls.append(line.split()[0])
            if "token" in line:
                break
        api, wire = urls
        post(api, "local/actions/CreateTable", '{"TableName": "orders", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": '
             '[{"AttributeName": "id", "AttributeType": "S"}], "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}]}')
        post(api, "local/actions/PutItem", '{"TableName": "orders", "Item": {"id": "1", "text": "' + "x" * 250 + '"}}')
        (Path(folder) / "portcullis.toml").write_text(POLICY.format(url=wire))
        servers = []
        plain = start(folder, [PROGRAM, "serve", "--policy", "portcullis.toml", "--listen", "127.0.0.1:8711"])
        running.append(plain)
        for port in PORTS:
            server = start(folder, [PROGRAM, "serve", "--policy", "portcullis.toml", "--listen", f"127.0.0.1:{port}"])
            servers.append(server)
        running += servers
        balancer = start(folder, ["haproxy", "-db", "-f", str(HAPROXY.resolve())])
        running.append(balancer)
        time.sleep(3)
        print("| | calls/s | p50 | p99 | CPU µs of the servers | CPU µs of HAProxy | share of the busier server | failures |")
        print("|---|---|---|---|---|---|---|---|")
        row("one server", folder, "http://127.0.0.1:8711", [plain])
        row("two servers behind HAProxy", folder, "http://127.0.0.1:8600", servers, balancer)
        servers[1].terminate()
        servers[1].wait()
        time.sleep(2)
        row("the same, one of them stopped", folder, "http://127.0.0.1:8600", servers, balancer)
    finally:
        for process in running:
            process.kill()
            process.wait()

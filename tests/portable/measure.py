"""Measures sizes and times for docs/engines.md, all in one run: python tests/portable/measure.py [FOLDER]

Each engine makes the same call, GetItem of a small item, one after another, to the same server. The engines take turns.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engines import ROOT, Jco, WasmtimePy
from test_service import SERVERS
from upstreams import PORTCULLIS, IDENTITY, Dynamodb, environment, free_port, settings, wait_for

CALL = '{"TableName": "users", "Key": {"id": {"S": "1"}}}'
ROUNDS, CALLS, WARM_UP = 5, 100, 30


class Http:
    """A server, and one connection to it that is kept."""

    def __init__(self, command, port, variables, path="/v1/actions/GetItem", folder=None):
        start = time.monotonic()
        path_variable = {"PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"}
        output = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        command = [str(word) for word in command]
        self.process = subprocess.Popen(command, env=path_variable | variables, cwd=folder, **output)
        wait_for(port, self.process)
        self.client, self.path = http.client.HTTPConnection("127.0.0.1", port), path
        while not self.call():
            assert time.monotonic() - start < 60, f"{command[0]} does not respond as expected"
            time.sleep(0.05)
        self.first = time.monotonic() - start

    def call(self):
        try:
            self.client.request("POST", self.path, CALL, {"content-type": "application/json"})
            response = self.client.getresponse()
            return b"Item" in response.read() and response.status == 200
        except (ConnectionError, http.client.HTTPException):
            self.client.close()  # the next call opens another connection
            return False

    def memory(self):
        """The resident memory of the process and of its children, in MB."""
        listed = subprocess.run(["ps", "-eo", "pid,ppid,rss"], capture_output=True, text=True).stdout
        rows = [tuple(map(int, line.split())) for line in listed.splitlines()[1:]]
        family = {self.process.pid}
        while more := {pid for pid, parent, _ in rows if parent in family} - family:
            family |= more
        return sum(rss for pid, _, rss in rows if pid in family) / 1024

    def close(self):
        self.process.terminate()
        self.process.wait(30)


class Library:
    """The library form in an engine."""

    def __init__(self, engine, folder, url):
        start = time.monotonic()
        self.engine = engine(folder / "library.wasm", environment(url), settings(url))
        assert self.call()
        self.first = time.monotonic() - start

    def call(self):
        return "Item" in self.engine.call("execute", "GetItem", CALL).ok

    def memory(self):
        return None

    def close(self):
        self.engine.close()


def policy(folder, url):
    file = folder / "portcullis.toml"
    file.write_text(
        f'[datasources.d]\nplugin = "dynamodb"\ncredentials = {{ from = "env" }}\negress = ["{url}"]\n'
        f'networks = {{ "{url}" = ["127.0.0.0/8"] }}\n'
        f"[datasources.d.settings]\nregion = \"us-east-1\"\nendpoint = \"{url}\"\n"
    )
    return file


def candidates(folder, url):
    port = free_port()
    home = tempfile.mkdtemp()
    serve = [PORTCULLIS, "serve", "--policy", policy(Path(home), url), "--listen", f"127.0.0.1:{port}"]
    at = "/v1/datasources/d/actions/GetItem"
    yield "`portcullis serve`, JSON API", Http(serve, port, IDENTITY | {"HOME": home}, at)
    for name, command in SERVERS.items():
        port = free_port()
        variables = environment(url, PORTCULLIS_SETTINGS=settings(url))
        yield f"`{name}`", Http(command(folder / "service.wasm", port, variables), port, variables, folder=folder)
    yield "wasmtime-py, library form", Library(WasmtimePy, folder, url)
    yield "jco on Node.js, library form", Library(Jco, folder, url)


def main():
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("PORTABLE_FORMS", ROOT / "target/portable"))
    for form in ["plugin", "library", "service"]:
        print(f"{form}: {(folder / f'{form}.wasm').stat().st_size:,} bytes")
    server = Dynamodb()
    server.send("PutItem", {"TableName": "users", "Item": {"id": {"S": "1"}, "v": {"S": "x" * 200}}})
    running = list(candidates(folder, server.url))
    times = {name: [] for name, _ in running}
    for each in range(ROUNDS + 1):
        for name, candidate in running:
            for _ in range(WARM_UP if each == 0 else CALLS):
                start = time.perf_counter()
                while not candidate.call():
                    assert time.perf_counter() - start < 10, name
                if each > 0:
                    times[name].append((time.perf_counter() - start) * 1000)
    print("\n| engine | GetItem p50 ms | p90 ms | first response after start, s | memory MB |\n|---|---|---|---|---|")
    for name, candidate in running:
        p50, p90 = statistics.median(times[name]), statistics.quantiles(times[name], n=10)[-1]
        memory = candidate.memory()
        shown = f"{memory:.0f}" if memory else "in the caller's process"
        print(f"| {name} | {p50:.2f} | {p90:.2f} | {candidate.first:.2f} | {shown} |")
        candidate.close()
    server.close()
    print(f"\nload average at the end: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

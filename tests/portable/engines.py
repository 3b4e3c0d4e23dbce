"""Engines that run the library form: each is started with an environment, and makes calls."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples/hosts"))
import host  # noqa: E402  the example is what is tested


@dataclass
class Outcome:
    """A result, or the case of an error and what is known about it."""

    ok: object = None
    error: str | None = None
    detail: object = None

    @property
    def text(self):
        return json.dumps(self.detail)


def plain(value):
    """Values of the component model as values of JSON."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if hasattr(value, "__dict__"):
        return {name.replace("-", "_"): plain(each) for name, each in vars(value).items()}
    return value


class WasmtimePy:
    """wasmtime-py, by the example."""

    def __init__(self, file, environment, settings, seconds=35):
        self.seconds = seconds
        self.datasource, self.failed = None, None
        try:
            self.datasource = host.Datasource(str(file), environment, settings)
        except RuntimeError as error:
            self.failed = Outcome(error=error.args[0], detail=plain(error.args[1]))

    def call(self, name, *arguments):
        if self.failed:
            return self.failed
        datasource = self.datasource
        own = [] if name == "describe" else [datasource.connection]
        name = name if name == "describe" else f"[method]connection.{name}"
        try:
            return Outcome(ok=plain(datasource.call(name, *own, *arguments, seconds=self.seconds)))
        except RuntimeError as error:
            return Outcome(error=error.args[0], detail=plain(error.args[1]))
        except Exception as error:  # a trap; the class depends on the release of wasmtime
            return Outcome(error="trap", detail=str(error))

    def close(self):
        pass


class Jco:
    """jco on Node.js."""

    def __init__(self, file, environment, settings):
        folder = file.with_suffix("")
        marker = folder / "package.json"
        if not marker.exists() or marker.stat().st_mtime < file.stat().st_mtime:
            transpile(file, folder)
        driver = folder.parent / "driver.mjs"
        driver.write_text((Path(__file__).parent / "driver.mjs").read_text())
        command = ["node", str(driver), str(folder / f"{file.stem}.js")]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
        path = {"PATH": "/usr/local/bin:/usr/bin:/bin"}
        self.process = subprocess.Popen(command, env=path | environment, **pipes)
        self.failed = None
        connected = self.send("connect", settings)
        if connected.error:
            self.failed = connected

    def send(self, name, *arguments):
        print(json.dumps({"name": name, "args": arguments}), file=self.process.stdin, flush=True)
        line = self.process.stdout.readline()
        assert line, f"the driver has ended with {self.process.wait()}"
        answer = json.loads(line)
        return Outcome(answer.get("ok"), answer.get("error"), answer.get("detail"))

    def call(self, name, *arguments):
        return self.failed or self.send(name, *arguments)

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)


def transpile(file, folder):
    """Writes the JavaScript of a component. It finds its shim in the folder of its packages."""
    jco = file.parent / "node_modules/.bin/jco"
    assert jco.exists(), f"{jco} is missing; install the engines with: make engines"
    subprocess.run([jco, "transpile", file, "--out-dir", folder], check=True, capture_output=True)
    (folder / "package.json").write_text('{"type": "module"}')


ENGINES = {"wasmtime-py": WasmtimePy, "jco": Jco}

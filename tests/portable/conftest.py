"""What the tests of the portable forms share. `make test-portable` installs the engines and runs them."""

import os
from pathlib import Path

import pytest

from engines import ENGINES, ROOT
from upstreams import Breaking, Dynamodb, Recorder


@pytest.fixture(scope="session")
def forms():
    """The folder with the components and the packages of npm."""
    folder = Path(os.environ.get("PORTABLE_FORMS", ROOT / "target/portable"))
    assert (folder / "library.wasm").exists(), f"{folder} has no components; write them with: make engines"
    return folder


@pytest.fixture(params=list(ENGINES))
def engine(request, forms):
    """Starts the library form on each engine. The function takes an environment and settings."""
    started = []

    def start(environment, settings, form="library"):
        started.append(ENGINES[request.param](forms / f"{form}.wasm", environment, settings))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def dynamodb():
    server = Dynamodb()
    yield server
    server.close()


@pytest.fixture
def recorder():
    """Starts a server that records requests."""
    started = []

    def start(**options):
        started.append(Recorder(**options))
        return started[-1]

    yield start
    for each in started:
        each.close()


# Responses that break off: in a body of a stated length, in a chunk, and in a chunk whose length is no number.
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n"
BREAKS = {
    "half a body": HEAD + b'content-length: 1000\r\n\r\n{"Table',
    "half a chunk": HEAD + b'transfer-encoding: chunked\r\n\r\n50\r\n{"Table',
    "no chunk": HEAD + b'transfer-encoding: chunked\r\n\r\nZZ\r\n{"Table\r\n',
}


@pytest.fixture(params=list(BREAKS))
def breaking(request):
    """Starts a server whose first responses break off."""
    started = []

    def start(**options):
        started.append(Breaking(BREAKS[request.param], **options))
        return started[-1]

    yield start
    for each in started:
        each.close()

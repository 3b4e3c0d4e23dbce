"""Servers that stand in for DynamoDB."""

import json
import os
import socket
import subprocess
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PORTCULLIS = Path(os.environ.get("PORTCULLIS_BINARY", ROOT / "target/debug/portcullis"))

IDENTITY = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
TABLE = {
    "TableName": "users",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(port, process):
    """Waits until a server accepts connections."""
    for _ in range(300):
        assert process.poll() is None, f"{process.args[0]} has ended with {process.returncode}"
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nothing listens on port {port} after 30 s")


class Dynamodb:
    """The embedded DynamoDB-compatible server, with the table `users`."""

    def __init__(self):
        assert PORTCULLIS.exists(), f"{PORTCULLIS} is missing; build it with: make build"
        self.port = free_port()
        wire = f"127.0.0.1:{self.port}=local"
        command = [str(PORTCULLIS), "serve", "--local", "--empty", "--listen", f"127.0.0.1:{free_port()}", "--wire", wire]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.port, self.process)
        self.url = f"http://127.0.0.1:{self.port}"
        self.send("CreateTable", TABLE)

    def send(self, action, value):
        """Sends a request without any plugin."""
        headers = {"x-amz-target": f"DynamoDB_20120810.{action}", "content-type": "application/x-amz-json-1.0"}
        request = urllib.request.Request(self.url, json.dumps(value).encode(), headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)

    def close(self):
        self.process.terminate()
        self.process.wait(30)


class Recorder:
    """A server that records requests. It responds with `status` and `body`, `delay` seconds after each."""

    def __init__(self, delay=0.0, body=b"{}", status=200):
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self):
                length = int(self.headers.get("content-length") or 0)
                received = self.rfile.read(length)
                recorder.requests.append((self.command, self.path, dict(self.headers), received))
                time.sleep(delay)
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that has gone

        self.requests = []
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.authority = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.authority}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Breaking:
    """A server whose first `broken` responses are `beginning`, with which the connection ends. Further ones are whole."""

    def __init__(self, beginning, broken=1):
        self.requests = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.beginning, self.broken = beginning, broken
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection, connection.makefile("rb") as reader:
            while line := reader.readline():
                length = 0
                while line.strip():
                    name, _, value = line.partition(b":")
                    length = int(value) if name.lower() == b"content-length" else length
                    line = reader.readline()
                reader.read(length)
                self.requests += 1
                if self.requests <= self.broken:
                    connection.sendall(self.beginning)
                    return
                body = b'{"TableNames": []}'
                head = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\n"
                connection.sendall(head + b"content-length: %d\r\n\r\n" % len(body) + body)

    def close(self):
        self.listener.close()


def environment(url, **more):
    """What a composed component needs to reach one server."""
    return {**IDENTITY, "AWS_REGION": "us-east-1", "PORTCULLIS_EGRESS": url, "PORTCULLIS_ACCESS": "admin", **more}


def settings(url, **more):
    return json.dumps({"region": "us-east-1", "endpoint": url, **more})

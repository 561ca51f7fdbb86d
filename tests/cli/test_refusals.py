"""Apps that answer with anything but SCIM: one clear line, exit code 3, and nothing changed."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.cli.command_line import CommandLine

ANSWERS: dict[str, tuple[int, str, str]] = {
    "401": (401, "application/json", '{"detail": "bad token\\u001b[31m"}'),
    "403": (403, "application/json", "{}"),
    "404": (404, "text/html", "<html>nothing here</html>"),
    "500": (500, "text/plain", "oops"),
    "html": (200, "text/html", "<html>Please sign in</html>"),
    "empty": (200, "application/scim+json", ""),
    "not-a-list": (200, "application/scim+json", '{"hello": "world"}'),
}


@pytest.fixture
def refusing(request: pytest.FixtureRequest) -> Iterator[str]:
    """An app that gives the same answer to everything; its tenant URL."""
    status, kind, body = ANSWERS[request.param]

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST = do_PATCH = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Silence."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/scim"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("refusing", ANSWERS, indirect=True)
def test_app_that_refuses_is_told_in_one_line_with_exit_code_3(line: CommandLine, refusing: str) -> None:
    line.run("app", "add", "scim", "--url", refusing, "--token-env", "APP_TOKEN")
    line.hire("refused", 2)
    for command in (["app", "test", "scim"], ["plan", "scim"], ["sync", "scim"]):
        result = line.run(*command)
        assert result.exit_code == 3, result.output
        [error] = [text for text in result.stderr.splitlines() if text.startswith("error: ")]
        assert "GET /" in error
        assert "\x1b" not in result.stderr
        assert "s3cr3t-t0ken" not in result.output
    status = line.json("status", "scim")
    assert (status["links"], status["escrow"], status["openIntents"]) == ({}, [], 0)

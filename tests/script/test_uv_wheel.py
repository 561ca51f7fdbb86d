"""Fetching uv without pip, tried against a package index on loopback."""

import hashlib
import io
import json
import platform
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from script import uv_wheel


class Index(ThreadingHTTPServer):
    """A package index on loopback with one wheel of uv in it, made for this machine."""

    daemon_threads = False  # closing waits for the answers under way
    asked_with: str | None = None

    def __init__(self, shape: str) -> None:
        super().__init__(("127.0.0.1", 0), IndexPages)
        self.shape = shape
        system = "macosx" if platform.system() == "Darwin" else "manylinux"
        system = system if system == "macosx" or platform.libc_ver()[0] == "glibc" else "musllinux"
        self.wheel = f"uv-{uv_wheel.VERSION}-py3-none-{system}_1_9_{platform.machine()}.whl"
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr(f"uv-{uv_wheel.VERSION}.data/scripts/uv", "#!/bin/sh\necho uv of the test\n")
        self.content = packed.getvalue()
        self.sha256 = hashlib.sha256(self.content).hexdigest()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple"

    def page(self) -> tuple[str, str]:
        others = [f"uv-0.0.1-py3-none-{self.wheel.rpartition('-')[2]}", f"uv-{uv_wheel.VERSION}.tar.gz"]
        if self.shape == "json":
            files = [{"filename": name, "url": f"../../f/{name}", "hashes": {}} for name in others]
            files.append({"filename": self.wheel, "url": f"../../f/{self.wheel}", "hashes": {"sha256": self.sha256}})
            return "application/vnd.pypi.simple.v1+json", json.dumps({"files": files})
        links = "".join(f'<a href="/f/{name}">{name}</a>' for name in others)
        return "text/html", f'<html>{links}<a href="/f/{self.wheel}#sha256={self.sha256}">{self.wheel}</a></html>'


class IndexPages(BaseHTTPRequestHandler):
    """Answers for `Index`."""

    def do_GET(self) -> None:
        index = self.server
        assert isinstance(index, Index)
        kind, content = "application/octet-stream", index.content
        if self.path == "/simple/uv/":
            kind, page = index.page()
            content = page.encode()
        known = self.path in ("/simple/uv/", f"/f/{index.wheel}")
        index.asked_with = self.headers["Authorization"]
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(content if known else b"")

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture(params=["json", "html"])
def index(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    with Index(request.param) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setattr(uv_wheel, "PINS", {server.sha256})
        yield server
        server.shutdown()
        thread.join()


def test_uv_is_fetched_from_either_shape_of_index(index: Index, tmp_path: Path) -> None:
    wheel = uv_wheel.download_from_index(index.url, tmp_path, lambda _: None)
    uv_wheel.unpack(wheel, program := tmp_path / "uv-1" / "uv")
    assert subprocess.check_output([program], text=True) == "uv of the test\n"


def test_a_wheel_other_than_the_pinned_one_is_thrown_away(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(platform, "system", lambda: "Linux")
    monkeypatch.setattr(uv_wheel, "PINNED_MACHINES", {platform.machine()})
    monkeypatch.setattr(uv_wheel, "PINS", {"0" * 64})  # the index's own hash fits, which is no proof
    with pytest.raises(uv_wheel.FetchError, match="isn't the file it should be"):
        uv_wheel.download_from_index(index.url, tmp_path, lambda _: None)
    assert list(tmp_path.iterdir()) == []


def test_where_no_hash_is_pinned_the_indexs_has_to_fit_and_that_is_said(
    index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uv_wheel, "PINNED_MACHINES", set())
    said: list[str] = []
    assert uv_wheel.download_from_index(index.url, tmp_path, said.append).exists()
    assert "No hash of uv for this kind of machine" in said[-1]
    index.content += b"\n"
    with pytest.raises(uv_wheel.FetchError, match="isn't the file it should be"):
        uv_wheel.download_from_index(index.url, tmp_path, said.append)


def test_credentials_go_to_the_users_index_and_into_no_message(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    own = index.url.replace("http://", "http://me:p%40ss@")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.delenv("UV_INDEX_URL", raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", own)
    assert uv_wheel.own_index() == own
    uv_wheel.read(f"{own}/uv/", f"{own}/uv/")
    assert index.asked_with == "Basic bWU6cEBzcw=="
    with pytest.raises(uv_wheel.FetchError) as caught:
        uv_wheel.read(f"{own}/nothing/", f"{own}/uv/")
    assert f"{index.url}/nothing/: Not Found" in str(caught.value)
    assert "p%40ss" not in str(caught.value)

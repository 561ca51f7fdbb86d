"""Fetches uv, the installer, as a wheel from the package index, checks it and unpacks its one program.

pip does the fetching where Python has it, since it knows the user's index, proxy and certificates. A plain
Debian Python has neither pip nor ensurepip: there the index is read with the standard library, in both shapes
that an index may answer in, JSON (PEP 691) and HTML (PEP 503). Called by `setup.py`; knows nothing of `.venv`.
"""

import base64
import hashlib
import json
import os
import platform
import re
import ssl
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit, urlunsplit

VERSION = "0.13.9"
PUBLIC_INDEX = "https://pypi.org/simple"
# A hash that comes from where the file comes from vouches for nothing, so Linux's are written down here.
PINNED_MACHINES = {"x86_64", "aarch64"}
PINS = {
    "d7f459fe4fd247d830351c75686d3996ace3c6f3f728eb0e85a30b7ada0cef19",  # x86_64, glibc
    "2c45530751517d6c3bbc69a19473f6effe47cce047bede01ffd8af7ea7b36b25",  # x86_64, musl
    "5435c5ce14a56431208ca0996416d310f1598e8c2c8ba707688985a16bb82dbe",  # aarch64, any C library
    "ecb6028d79dc96fbeafffe5c8af62a7099487ebc05a701e76714eebcffd06375",  # aarch64, newer glibc
}


class FetchError(Exception):
    """Why uv could not be had, and what to do about it."""


@dataclass(frozen=True, slots=True)
class IndexFile:
    """A file that the index offers: its name, its absolute address, and its SHA-256 in hex where the index says it."""

    name: str
    url: str
    sha256: str


def fetch(folder: Path, say: Callable[[str], None]) -> Path:
    """Return uv's program in `folder`, fetching it unless it is there. Raises `FetchError`."""
    program = folder / f"uv-{VERSION}" / "uv"
    if program.exists():
        return program
    with tempfile.TemporaryDirectory(prefix="fetch-", dir=folder) as scratch:
        wheel = download_with_pip(Path(scratch), say) or download_from_index(
            own_index() or PUBLIC_INDEX, Path(scratch), say
        )
        unpack(wheel, program)
    return program


def own_index() -> str | None:
    """The address of the index that the user chose, by uv's variables or pip's; None for the public one."""
    variables = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    named = next(filter(None, map(os.environ.get, variables)), None)
    return named and re.sub(r"^[\w.-]+=", "", named)  # uv also takes name=address


def download_with_pip(scratch: Path, say: Callable[[str], None]) -> Path | None:
    """The wheel, by this Python's pip; None where it has none or pip can't, which leaves the index to be asked."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode != 0:
        return None
    say(f"Fetching uv {VERSION} with pip into .tools; the system's Python stays as it is.")
    index = ["--index-url", address] if (address := own_index()) else []
    order = ["download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(scratch), f"uv=={VERSION}"]
    done = subprocess.run([*pip, *order, *index], capture_output=True, text=True, check=False)
    wheel = next(scratch.glob("*.whl"), None)
    if done.returncode != 0 or wheel is None:
        say(f"pip could not ({(done.stderr.strip().splitlines() or ['no reason given'])[-1]}).")
        return None
    check(wheel.name, hashlib.sha256(wheel.read_bytes()).hexdigest(), None, say)  # pip checked the index's hash
    return wheel


def download_from_index(index: str, scratch: Path, say: Callable[[str], None]) -> Path:
    """The wheel, by the standard library from the simple index at `index`. Raises `FetchError`."""
    say(f"Fetching uv {VERSION} from the package index into .tools; the system's Python stays as it is.")
    page_url = index.rstrip("/") + "/uv/"
    accept = "application/vnd.pypi.simple.v1+json, text/html;q=0.5"
    page, kind = read(page_url, page_url, accept)
    chosen = choose(index_files(page, kind, page_url))
    content, _ = read(chosen.url, page_url)
    check(chosen.name, hashlib.sha256(content).hexdigest(), chosen.sha256, say)
    wheel = scratch / chosen.name
    wheel.write_bytes(content)
    return wheel


def read(url: str, page_url: str, accept: str = "*/*") -> tuple[bytes, str]:
    """The content at `url` and its media type. Credentials in the index's address go to its host alone.

    Raises `FetchError` with the address, less any credentials, and the way out.
    """
    parts, page = urlsplit(url), urlsplit(page_url)
    host = parts.netloc.rpartition("@")[2]
    bare = urlunsplit(parts._replace(netloc=host))
    request = urllib.request.Request(bare, headers={"Accept": accept, "User-Agent": "instep-setup"})
    if page.username and host == page.netloc.rpartition("@")[2]:
        pair = f"{unquote(page.username)}:{unquote(page.password or '')}"
        # Unredirected: a mirror that sends us on to another host doesn't hand that host the password.
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(pair.encode()).decode()}")
    trust = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or os.environ.get("PIP_CERT"))
    try:
        with urllib.request.urlopen(request, timeout=60, context=trust) as answer:
            return answer.read(), answer.headers.get_content_type()
    except (OSError, ValueError) as error:  # URLError, HTTPError and time-outs are OSErrors
        reason = getattr(error, "reason", None) or error
        if isinstance(error, urllib.error.HTTPError):
            error.close()
        raise FetchError(
            f"could not fetch uv from {bare}: {reason}.\n"
            "Behind a proxy set HTTPS_PROXY, for an index of your own UV_DEFAULT_INDEX or PIP_INDEX_URL, for its "
            "certificate SSL_CERT_FILE\n(a machine without any certificates: apt install ca-certificates). "
            "Or put uv on PATH yourself."
        ) from error


def index_files(page: bytes, kind: str, page_url: str) -> list[IndexFile]:
    """The files on an index's page of one project; `kind` is the page's media type. Raises `FetchError`."""
    if kind.endswith("json"):
        try:
            return [
                IndexFile(item["filename"], urljoin(page_url, item["url"]), item["hashes"].get("sha256", ""))
                for item in json.loads(page)["files"]
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise FetchError(f"the package index's page of uv isn't as PEP 691 has it: {error!r}") from error
    links = Links()
    links.feed(page.decode("utf-8", "replace"))
    files = []
    for link in links.found:
        url, fragment = urldefrag(urljoin(page_url, link))
        name = unquote(urlsplit(url).path.rpartition("/")[2])
        files.append(IndexFile(name, url, fragment.removeprefix("sha256=") if fragment.startswith("sha256=") else ""))
    return files


class Links(HTMLParser):
    """Collects the addresses that an HTML page links to, in `found`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called by the parser for each tag."""
        self.found += [value for name, value in attrs if tag == "a" and name == "href" and value]


def choose(files: list[IndexFile]) -> IndexFile:
    """The wheel of our version for this machine, the one that asks least of its C library. Raises `FetchError`."""
    system, machine = platform.system(), platform.machine()
    libc = {"Darwin": "macosx"}.get(system) or ("manylinux" if platform.libc_ver()[0] == "glibc" else "musllinux")
    fitting = [
        (tag, file)
        for file in files
        if file.name.startswith(f"uv-{VERSION}-") and file.name.endswith(".whl")
        for tag in file.name.removesuffix(".whl").rpartition("-")[2].split(".")
        if re.fullmatch(rf"{libc}_\d+_\d+_{machine}", tag)
    ]
    if not fitting:
        raise FetchError(
            f"the package index has no uv {VERSION} for {system} on {machine}.\n"
            "Install uv in another way (your system's package manager may have it), so that it is on PATH."
        )
    return min(fitting, key=lambda pair: [int(number) for number in re.findall(r"\d+", pair[0])[:2]])[1]


def check(name: str, sha256: str, promised: str | None, say: Callable[[str], None]) -> None:
    """Refuse a file that isn't what was written down; elsewhere than on Linux, not what the index promised.

    `promised` is the index's hash: None where pip has compared it already. Raises `FetchError`.
    """
    if platform.system() == "Linux" and platform.machine() in PINNED_MACHINES:
        trusted = sha256 in PINS
    else:
        say("No hash of uv for this kind of machine is written down here, so the package index's own has to do.")
        trusted = promised is None or sha256 == promised
    if not trusted:
        raise FetchError(
            f"{name} isn't the file it should be: its SHA-256 is {sha256}. It was thrown away.\n"
            "A proxy or a mirror may have changed it; try another index (UV_DEFAULT_INDEX) or put uv on PATH yourself."
        )


def unpack(wheel: Path, program: Path) -> None:
    """Take the program out of the wheel and put it in its place, whole or not at all. Raises `FetchError`."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            content = archive.read(f"uv-{VERSION}.data/scripts/uv")
    except (zipfile.BadZipFile, KeyError) as error:
        raise FetchError(f"{wheel.name} holds no uv: {error}") from error
    program.parent.mkdir(exist_ok=True)
    unfinished = program.with_name("uv.new")
    unfinished.write_bytes(content)
    unfinished.chmod(0o755)
    unfinished.replace(program)

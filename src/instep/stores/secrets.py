"""Secrets at rest: AES-256-GCM with a key from a file that only its owner may read; and seals, by the same key.

What a ciphertext belongs to (which app, which field) is bound to it, so that a row which is copied onto
another one can't be read there. The key never is in a database; who has a copy of the database alone has no
secret. Nothing here knows tables.
"""

import base64
import binascii
import hashlib
import hmac
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION = b"\x01"
_NONCE = 12
"""Bytes of a nonce, random for each encryption (NIST SP 800-38D, 8.2.2)."""


class SecretUnreadable(Exception):
    """A secret can't be encrypted or read; the message says why, and what to do."""


class Vault:
    """Encrypts and decrypts with the key in the file at `path`, which is read when it's first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._cipher: AESGCM | None = None
        self._sealing: bytes | None = None

    @property
    def has_key(self) -> bool:
        """Whether the key was read, or there is a file to read it from."""
        return self._sealing is not None or self._path.exists()

    def make_key(self) -> None:
        """Make the key file, unless somebody has just done so. Raises SecretUnreadable."""
        _make_key(self._path)

    def seal(self, message: bytes) -> str:
        """A seal that nobody can make without the key: HMAC-SHA-256, hexadecimal. Raises SecretUnreadable.

        Its key is derived from the file's (RFC 5869), so that it tells nothing about what encrypts.
        """
        if self._sealing is None:
            derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"instep: seals")
            self._sealing = derivation.derive(_read_key(self._path))
        return hmac.new(self._sealing, message, hashlib.sha256).hexdigest()

    def fits(self, message: bytes, seal: str) -> bool:
        """Whether the seal was made of that message with this key. Raises SecretUnreadable."""
        return hmac.compare_digest(self.seal(message).encode(), seal.encode("utf-8", "replace"))

    def encrypt(self, secret: str, *, app: str, field: str, may_make_key: bool) -> bytes:
        """The secret for storing. may_make_key: whether a missing key file is made, since nothing needs an old one.

        Raises SecretUnreadable.
        """
        if may_make_key and not self._path.exists():
            _make_key(self._path)
        nonce = os.urandom(_NONCE)
        return _VERSION + nonce + self._opened().encrypt(nonce, secret.encode(), _owner(app, field))

    def decrypt(self, stored: bytes, *, app: str, field: str) -> str:
        """The secret in the clear. Raises SecretUnreadable, also when it was stored for another app or field."""
        if stored[:1] != _VERSION:
            raise SecretUnreadable(
                f"the {field} of {app} was stored by a newer Instep; use that version, or set it again"
            )
        nonce, text = stored[1 : 1 + _NONCE], stored[1 + _NONCE :]
        try:
            return self._opened().decrypt(nonce, text, _owner(app, field)).decode()
        except InvalidTag:
            raise SecretUnreadable(
                f"the {field} of {app} wasn't encrypted with the key in {self._path}, or not for {app}; "
                f"put back the right key file, or set the {field} again"
            ) from None

    def _opened(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(_read_key(self._path))
        return self._cipher


def _owner(app: str, field: str) -> bytes:
    """What a ciphertext belongs to, as associated data; the length keeps two different pairs apart."""
    return f"instep:{len(app)}:{app}:{field}".encode()


def _read_key(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read(200)
    except FileNotFoundError:
        raise SecretUnreadable(
            f"the key file {path} is missing; put it back from a backup, or remove the apps and add them anew"
        ) from None
    except OSError as wrong:
        raise SecretUnreadable(f"the key file {path} can't be read: {wrong.strerror}") from None
    if os.name == "posix" and mode & 0o007:
        raise SecretUnreadable(f"everybody may read the key file {path}; take that right away: chmod 600 {path}")
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != 32:
        raise SecretUnreadable(f"{path} isn't a key file: it must hold 32 random bytes, base64; name the right file")
    return key


def _make_key(path: Path) -> None:
    """Make the key file. It appears whole or not at all; when two processes make one, the first one's counts."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(AESGCM.generate_key(256)) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            _publish(draft, path)
        finally:
            draft.unlink()
    except OSError as wrong:
        raise SecretUnreadable(f"the key file {path} can't be made: {wrong.strerror}") from None


def _publish(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # without it a power cut could keep the token and lose the key
    finally:
        os.close(folder)

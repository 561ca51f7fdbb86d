"""Every setting of Instep: typed, documented, once. Read from the environment, overridden by options.

`data` is the folder that holds the databases and, unless `key_file` names another place, the key that
encrypts the secrets in them.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct


class Settings(Struct, frozen=True):
    """Where things are and how far to go."""

    data: Path = Path("instep-data")
    """INSTEP_DATA: the folder of the databases; made when it's missing."""
    key_file: Path | None = None
    """INSTEP_KEY_FILE: the file with the key of the secrets; `<data>/secrets.key` unless set."""
    lease_seconds: float = 60.0
    """INSTEP_LEASE_SECONDS: how long a worker may hold a job without renewing its lease."""
    request_seconds: float = 30.0
    """INSTEP_REQUEST_SECONDS: after how long a request to an app counts as unanswered."""
    concurrency: int = 16
    """INSTEP_CONCURRENCY: requests in flight to one app at the most."""
    read_lag_seconds: float = 90.0
    """INSTEP_READ_LAG_SECONDS: how long an app may take until its reads show what it has taken; until then a creation
    whose answer was lost isn't made again."""
    private_networks: bool = False
    """INSTEP_PRIVATE_NETWORKS: whether tenant URLs may point into private address ranges."""
    listen: str = "127.0.0.1:9464"
    """INSTEP_LISTEN: where `instep serve` answers for health and metrics, as HOST:PORT; `off` for nowhere."""
    stop_seconds: float = 8.0
    """INSTEP_STOP_SECONDS: how long `instep serve` lets what is in flight finish when it's stopped."""
    log_level: str = "info"
    """INSTEP_LOG_LEVEL: of the service's own log: debug, info, warning or error."""

    smtp_host: str = ""
    """INSTEP_SMTP_HOST: the mail server that notices go through; without one they're kept and not sent."""
    smtp_port: int = 587
    """INSTEP_SMTP_PORT: 587 for starttls, 465 for tls, 25 for a relay in the house."""
    smtp_tls: str = "starttls"
    """INSTEP_SMTP_TLS: `starttls`, `tls` from the first byte, or `none`, which only a server on this machine gets."""
    smtp_user: str = ""
    """INSTEP_SMTP_USER: who to sign in as; nobody signs in when it's empty."""
    smtp_password_file: Path | None = None
    """INSTEP_SMTP_PASSWORD_FILE: the file with the password."""
    smtp_from: str = ""
    """INSTEP_SMTP_FROM: the address that notices come from; `instep@` and this machine's name unless set."""

    log_days: int = 30
    """INSTEP_LOG_DAYS: for how many days the provisioning log is kept."""

    @property
    def key_path(self) -> Path:
        """Where the key of the secrets is."""
        return self.key_file or self.data / "secrets.key"


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that the environment gives. Raises ValueError naming the variable that can't be read."""
    given: dict[str, object] = {}
    for name, convert in _CONVERT.items():
        text = environment.get(f"INSTEP_{name.upper()}")
        if text is None or text == "":
            continue
        try:
            given[name] = convert(text)
        except ValueError as wrong:
            raise ValueError(f"INSTEP_{name.upper()}={text!r}: {wrong}") from None
    return Settings(**given)  # pyright: ignore[reportArgumentType]


def _positive(text: str) -> float:
    number = float(text)
    if not number > 0:
        raise ValueError("must be more than 0")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError("must be at least 1")
    return number


def _flag(text: str) -> bool:
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("must be true or false")


def _level(text: str) -> str:
    if text.lower() not in ("debug", "info", "warning", "error"):
        raise ValueError("must be debug, info, warning or error")
    return text.lower()


def _place(text: str) -> str:
    host, _, port = text.rpartition(":")
    if text != "off" and not (host and port.isdigit() and int(port) < 65536):
        raise ValueError("must be HOST:PORT, or off")
    return text


def _port(text: str) -> int:
    number = _count(text)
    if number > 65535:
        raise ValueError("must be a port, at most 65535")
    return number


def _protection(text: str) -> str:
    if text.lower() not in ("starttls", "tls", "none"):
        raise ValueError("must be starttls, tls or none")
    return text.lower()


_CONVERT = {
    "log_days": _count,
    "data": Path,
    "key_file": Path,
    "lease_seconds": _positive,
    "request_seconds": _positive,
    "concurrency": _count,
    "read_lag_seconds": _positive,
    "private_networks": _flag,
    "listen": _place,
    "stop_seconds": _positive,
    "log_level": _level,
    "smtp_host": str,
    "smtp_port": _port,
    "smtp_tls": _protection,
    "smtp_user": str,
    "smtp_password_file": Path,
    "smtp_from": str,
}

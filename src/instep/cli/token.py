"""Reading a secret token: from a file, the environment, standard input or a prompt, never from an argument.

An argument would be seen by everyone on the machine, and stay in the shell's history. Of a token that is a JWT, its end
is read as well.
"""

import base64
import binascii
import getpass
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from instep.cli.job import stop


def read_token(file: Path | None, variable: str | None, typed: str | None, hint: str) -> str:
    """The token, from the one place that was named; asks for it in a terminal when none was.

    hint: where an administrator finds it. Ends the command when there is none, or it can't be one.
    """
    if sum(given is not None for given in (file, variable, typed)) > 1:
        stop("give the token in one way: --token-file, --token-env or `--token -`")
    if typed is not None and typed != "-":
        stop(
            "a token as an argument can be seen by others on this machine; use --token-file, --token-env or `--token -`"
        )
    if file is not None:
        text, place = _read(file), str(file)
    elif variable is not None:
        text, place = os.environ.get(variable, ""), f"the environment variable {variable}"
    elif typed == "-" or not sys.stdin.isatty():
        text, place = sys.stdin.read(), "standard input"
    else:
        where = f" ({hint})" if hint else ""
        # getpass asks after it has emptied the input and switched the echo off, so that nothing typed is lost or seen.
        text, place = getpass.getpass(f"Secret token{where}: "), "what was typed"
    token = text.strip()
    if not token:
        stop(f"there's no token in {place}")
    # What may stand in the header that it travels in (RFC 6750 section 2.1), taken generously.
    if not token.isascii() or not token.isprintable() or " " in token:
        stop(f"what's in {place} can't be a token: it has spaces, line breaks or other characters than ASCII")
    return token


def end_of(token: str) -> datetime | None:
    """When a token ends, if it is a JWT that says so (`exp`, RFC 7519, 4.1.4); none otherwise. Nothing is verified:
    that's the app's to do."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return datetime.fromtimestamp(int(claims["exp"]), UTC)
    except (binascii.Error, ValueError, RecursionError, KeyError, TypeError, OverflowError, OSError):
        return None


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        stop(f"the token can't be read from {file}: {wrong}")

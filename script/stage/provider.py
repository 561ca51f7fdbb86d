"""The app's side, made ready: an organisation with a proven domain, and a token for whoever provisions it."""

import json
from collections.abc import MutableMapping
from pathlib import Path

from stage.terminal import Terminal

OWN = "Nordlys Instruments"
DOMAIN = "nordlys.example"
TOKEN_FILE = "mixpanel.token"


def prove_domain(terminal: Terminal, records: MutableMapping[str, str], port: int, quiet: bool = False) -> None:
    """Set single sign-on up, claim the domain, publish what the app asks for, and have it verified.

    records: what the name server at `port` answers; the claim's record is put in.
    """
    issuer = f"https://login.{DOMAIN}/"
    sso = ("--issuer", issuer, "--sign-in-url", f"{issuer}saml2", "--stand-in-certificate")
    terminal.instep("org", "sso", OWN, *sso, hidden=quiet)
    terminal.instep("org", "claim-domain", OWN, DOMAIN, hidden=quiet)
    claim = json.loads(terminal.instep("org", "claim-domain", OWN, DOMAIN, "--json", hidden=True))
    records[DOMAIN] = claim["txtRecord"]
    if not quiet:
        terminal.say(
            "Whoever can put that record into the domain's DNS owns the domain. A small name server on this machine "
            "stands in for the DNS, and has the record now."
        )
    terminal.instep("org", "verify-domain", OWN, DOMAIN, "--nameserver", f"127.0.0.1:{port}", hidden=quiet)


def take_token(terminal: Terminal, folder: Path, quiet: bool = False) -> str:
    """A new SCIM token, kept in a file as an administrator would until it's handed over. Gives the token."""
    file = folder / TOKEN_FILE
    shown = f'instep org token "{OWN}" > {TOKEN_FILE}'
    return terminal.instep("org", "token", OWN, to=file, typed=shown, hidden=quiet).strip()

"""What `--keep` leaves behind: the data, a file that sets up a shell, and a page that says how to go on."""

import shlex
from pathlib import Path
from urllib.parse import urlsplit

from stage.terminal import Terminal

_TRY = """\
./script/demo --keep /tmp/nordlys      the same, and leaves everything there to play with
./script/demo --users 10000            the same at size
.venv/bin/instep --help                all commands
docs/tutorial.md                       your own first app, step by step
"""

_PAGE = """\
What the demo left here

  directory.sqlite, state.sqlite   Instep's: people and groups; apps, links and the log
  secrets.key                      the key of the secrets in state.sqlite
  app.sqlite                       the test app's: its organisations, members and teams
  app.log                          what the test app said
  mixpanel.token                   the app's SCIM token

To go on, in a shell:

  . {folder}/shell
  instep org serve --port {port} &

and then, for example:

{examples}
Stop the app with `kill %1`, and delete this folder when you have seen enough.
"""


def leave_behind(terminal: Terminal, folder: Path, instep: Path, url: str, examples: str) -> None:
    """Write both files and tell the reader."""
    shell = folder / "shell"
    binaries = shlex.quote(str(instep.parent))
    shell.write_text(
        f'export INSTEP_DATA={shlex.quote(str(folder))}\nexport PATH={binaries}:"$PATH"\ncd "$INSTEP_DATA"\n'
    )
    page = _PAGE.format(folder=folder, port=urlsplit(url).port, examples=examples)
    (folder / "README.txt").write_text(page, encoding="utf-8")
    terminal.title("What to try next")
    terminal.say(f"Everything is in {folder}. In a shell:")
    terminal.listing(f". {shlex.quote(str(shell))}\ninstep org serve --port {urlsplit(url).port} &\n{examples}")


def say_goodbye(terminal: Terminal) -> None:
    """What to try, where nothing is left behind."""
    terminal.title("What to try next")
    terminal.listing(_TRY)

"""`kill -9` in the middle of a cycle, with real processes, a real app and the real database files.

INSTEP_KILLS says how often to kill: 6 by default, so that the suite stays quick; 50 and more by hand.
"""

import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.acceptance.content import content
from tests.acceptance.servers import Instep, our_app

PEOPLE, GROUPS, MEMBERSHIPS = 500, 10, 1000
KILLS = int(os.environ.get("INSTEP_KILLS", "6"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_killed_at_random_moments_nobody_is_twice_and_nobody_is_missing(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    instep = Instep(tmp_path / "instep", {"INSTEP_REQUEST_SECONDS": "2", "INSTEP_READ_LAG_SECONDS": "1"})
    with our_app(tmp_path / "app") as app:
        size = ("--users", str(PEOPLE), "--groups", str(GROUPS), "--memberships", str(MEMBERSHIPS), "--seed", "7")
        instep("directory", "generate", *size)
        token_file = tmp_path / "token"
        token_file.write_text(app.token)
        instep("app", "add", "scim", "--url", app.url, "--token-file", str(token_file), "--scope", "all")
        interrupted = 0
        for _ in range(KILLS):
            cycle = instep.start("sync", "scim")
            time.sleep(chance.uniform(0.3, 3.0))
            if cycle.poll() is None:
                interrupted += 1
                os.killpg(cycle.pid, signal.SIGKILL)
            cycle.wait()
        instep("sync", "scim")
        people = instep.json("directory", "list", "--limit", "0")
        users, groups = content(app.url, app.token)
        assert interrupted, "no kill hit a cycle"
        assert Counter(u["userName"] for u in users) == Counter(p["userPrincipalName"] for p in people)
        expected = {g["displayName"]: g for g in instep.json("group", "list", "--limit", "0")}
        assert set(groups) == set(expected)
        assert sum(len(members) for members in groups.values()) == MEMBERSHIPS
        before = app.requests()
        instep("sync", "scim")
        assert app.requests() == before

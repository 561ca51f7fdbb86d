"""Facts about the house itself: its layout, its lock and its import contracts.

The contracts are tried on a tree of empty modules, so that each is seen to fail for the import it forbids.
"""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "instep"
MODULES = sorted(SOURCE.rglob("*.py"))
PURE = [path for path in MODULES if path.relative_to(SOURCE).parts[0] in ("core", "documents", "expressions", "scim")]


def nodes(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


# ------------------------------------------------------------------------------------------ the layout


def test_no_source_file_is_longer_than_400_lines() -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    assert {name: length for name, length in lengths.items() if length > 400} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [path for path in MODULES if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))]
    assert silent == []


def test_every_folder_of_modules_is_a_package() -> None:
    # Migrations are files that alembic loads by their path.
    folders = {path.parent for path in MODULES if "migrations" not in path.parts}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_names_are_the_domains_and_not_a_drawers() -> None:
    drawers = {"util", "utils", "helper", "helpers", "common", "manager", "managers", "misc", "service", "base"}
    places = [place for top in ("src", "tests", "script") for place in (ROOT / top).rglob("*")]
    assert [place for place in places if place.stem in drawers] == []


def test_nothing_in_src_prints() -> None:
    calls = [(path, node) for path in MODULES for node in nodes(path) if isinstance(node, ast.Call)]
    assert [path for path, call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"] == []


def test_pure_folders_call_nothing_that_asks_a_clock_or_a_disk() -> None:
    """What the import contract can't see: built-ins, and the clock that `datetime` and `uuid` carry."""
    attributes = {"now", "utcnow", "today", "uuid1", "uuid4"}
    builtins = {"open", "input", "eval", "exec", "breakpoint"}
    found = []
    for path in PURE:
        for call in (node for node in nodes(path) if isinstance(node, ast.Call)):
            name = call.func
            if (isinstance(name, ast.Attribute) and name.attr in attributes) or (
                isinstance(name, ast.Name) and name.id in attributes | builtins
            ):
                found.append(f"{path.relative_to(ROOT)}:{call.lineno}")
    assert found == []


def test_the_lock_knows_what_the_project_asks_for() -> None:
    """`script/setup` installs from the lock without asking whether it is still the project's."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    locked = next(package for package in packages if package["name"] == "instep")["metadata"]

    def names(asked: list[str]) -> set[tuple[str, str]]:
        requirements = [Requirement(text) for text in asked]
        return {(each.name.lower().replace("_", "-"), str(each.specifier)) for each in requirements}

    def held(rows: list[dict[str, str]]) -> set[tuple[str, str]]:
        return names([row["name"] + row.get("specifier", "") for row in rows])

    extras = project["project"]["optional-dependencies"].values()
    asked = [*project["project"]["dependencies"], *(text for extra in extras for text in extra)]
    assert held(locked["requires-dist"]) == names(asked)
    assert held(locked["requires-dev"]["dev"]) == names(project["dependency-groups"]["dev"])


# ---------------------------------------------------------------------------------- the import contracts

DOORS = ["cli", "graphapi"]
WIRED = ["engine", "directory", "sources", "targets", "stores", "mailing", "documents", "core", "expressions", "scim"]


def contracts(tree: Path) -> tuple[int, str]:
    """Check the contracts on the tree's `instep`: the exit code and the text."""
    shutil.copy(ROOT / ".importlinter", tree)
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"],
        cwd=tree,
        env=os.environ | {"PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A package `instep` with every folder of ours in it, and nothing in them but what is allowed."""
    root = tmp_path / "instep"
    for package in [*DOORS, *WIRED, "serviceprovider", "hostile"]:
        (root / package).mkdir(parents=True)
        (root / package / "__init__.py").touch()
        (root / package / "thing.py").touch()
    for module in ("__init__", "ports", "settings", "wiring"):
        (root / f"{module}.py").touch()
    (root / "cli" / "org.py").write_text("import instep.serviceprovider.thing\nimport instep.wiring\n")
    (root / "serviceprovider" / "thing.py").write_text("import instep.settings\nimport instep.serviceprovider.twin\n")
    (root / "serviceprovider" / "twin.py").touch()
    (root / "cli" / "hostile_app.py").write_text("import instep.hostile.thing\n")
    (root / "hostile" / "thing.py").write_text("import instep.hostile.twin\n")
    (root / "hostile" / "twin.py").touch()
    (root / "wiring.py").write_text("".join(f"import instep.{package}.thing\n" for package in WIRED))
    (root / "engine" / "thing.py").write_text("import instep.core.thing\nimport instep.ports\nimport time\n")
    (root / "ports.py").write_text("import instep.core.thing\nimport instep.scim.thing\n")
    return tmp_path


def test_contracts_allow_what_the_layers_are_for(tree: Path) -> None:
    code, text = contracts(tree)
    assert (code, "6 kept, 0 broken" in text) == (0, True), text


@pytest.mark.parametrize(
    ("module", "forbidden", "said"),
    [
        ("core/thing", "import time", "instep.core is not allowed to import time"),
        ("core/__init__", "import random", "instep.core is not allowed to import random"),
        ("expressions/thing", "import sqlalchemy.sql", "instep.expressions is not allowed to import sqlalchemy"),
        ("scim/thing", "from os import path", "instep.scim is not allowed to import os"),
        ("core/thing", "import instep.ports", "instep.core is not allowed to import instep.ports"),
        ("scim/thing", "import instep.core.thing", "instep.scim is not allowed to import instep.core"),
        ("scim/thing", "import instep.expressions", "instep.scim is not allowed to import instep.expressions"),
        ("engine/thing", "import instep.stores.thing", "instep.engine is not allowed to import instep.stores"),
        ("engine/thing", "import instep.mailing.thing", "instep.engine is not allowed to import instep.mailing"),
        ("sources/thing", "import instep.directory", "instep.sources is not allowed to import instep.directory"),
        ("documents/thing", "import pathlib", "instep.documents is not allowed to import pathlib"),
        ("documents/thing", "import instep.targets", "instep.documents is not allowed to import instep.targets"),
        ("stores/thing", "import instep.wiring", "instep.stores is not allowed to import instep.wiring"),
        ("cli/thing", "import instep.graphapi", "instep.cli is not allowed to import instep.graphapi"),
        ("wiring", "import instep.cli.thing", "instep.wiring is not allowed to import instep.cli"),
        ("cli/thing", "from instep.serviceprovider import thing", "instep.cli.thing -> instep.serviceprovider.thing"),
        ("wiring", "import instep.serviceprovider", "instep.wiring -> instep.serviceprovider"),
        ("serviceprovider/thing", "import instep.scim", "instep.serviceprovider is not allowed to import instep.scim"),
        (
            "serviceprovider/__init__",
            "import instep.core",
            "instep.serviceprovider is not allowed to import instep.core",
        ),
        ("hostile/thing", "import instep.scim", "instep.hostile is not allowed to import instep.scim"),
        ("wiring", "import instep.hostile", "instep.wiring -> instep.hostile"),
    ],
)
def test_contracts_refuse(tree: Path, module: str, forbidden: str, said: str) -> None:
    with (tree / "instep" / f"{module}.py").open("a") as file:
        file.write(f"{forbidden}\n")
    code, text = contracts(tree)
    assert code == 1
    assert said in text


def test_contracts_hold_before_the_doors_are_built(tree: Path) -> None:
    for door in DOORS:
        shutil.rmtree(tree / "instep" / door)
    code, text = contracts(tree)
    assert code == 0, text


def test_contracts_ask_for_the_place_of_a_new_folder(tree: Path) -> None:
    (tree / "instep" / "novelty.py").touch()
    code, text = contracts(tree)
    assert (code, "instep.novelty" in text, "gets its place in .importlinter" in text) == (1, True, True), text

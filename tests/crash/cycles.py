"""The points of a cycle, tried by several processes at the same time; each prepares its own stage."""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import asdict
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tests.crash.stage import ACTS, SIDES, Point, Size, Stage

_OWN = ("what", "part", "json", "folder")


def together(options: argparse.Namespace, folder: str) -> Iterator[dict[str, Any]]:
    """What all parts tell, as it comes. Raises RuntimeError when a part ended before its time."""
    told: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    parts = [_start(options, number, folder, told) for number in range(1, options.parallel + 1)]
    try:
        running = len(parts)
        while running:
            what = told.get()
            if what is None:
                running -= 1
            else:
                yield what
    finally:
        for process in parts:
            process.terminate()
    if any(process.wait() > 0 for process in parts):
        raise RuntimeError("a part of the points wasn't tried: see above")


def part(options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Try this process's part of the points, one after the other; what there's to tell of each."""
    size = Size(options.users, options.groups, options.memberships)
    for act in [options.act] if options.act else reversed(ACTS):
        with tempfile.TemporaryDirectory(prefix=f"{act}-", dir=options.folder) as folder:
            stage = Stage(Path(folder), act, size, options.concurrency)
            yield {"act": act, "steps": stage.undisturbed.steps}
            for point in _tried(options, stage):
                yield asdict(point)


def _tried(options: argparse.Namespace, stage: Stage) -> Iterator[Point]:
    if options.at:
        side, _, number = options.at.partition(":")
        yield stage.point(side, int(number))
        return
    for side in SIDES:
        # Workers send many at once, so no two cycles have the same steps: the last one is the one that isn't reached.
        for at in count(1 + options.every * (options.part - 1), options.every * options.parallel):
            point = stage.point(side, at)
            yield point
            if not point.where and at > stage.undisturbed.steps[side]:
                break


def _start(
    options: argparse.Namespace, number: int, folder: str, told: "SimpleQueue[dict[str, Any] | None]"
) -> "subprocess.Popen[str]":
    """A process that tries its part of the points; what it tells goes into the queue, and none at its end."""
    given = [f"--{name}={value}" for name, value in vars(options).items() if value is not None and name not in _OWN]
    command = [sys.executable, sys.argv[0], "cycle", *given, f"--part={number}", f"--folder={folder}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def read() -> None:
        assert process.stdout
        for line in process.stdout:
            told.put(json.loads(line))
        told.put(None)

    threading.Thread(target=read, daemon=True).start()
    return process

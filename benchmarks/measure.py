"""Measure a function in a process of its own: seconds of its best call, and peak memory."""

from __future__ import annotations

import math
import multiprocessing as mp
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

COLUMNS = ("work", "size", "seconds", "peak_mb", "peer", "peer_version", "peer_seconds", "ratio", "checked")


def measure(make: Callable[..., Callable[[], Any]], *given: Any, repeats: int = 3) -> tuple[float, float, Any]:
    """Give the best time of ``make(*given)()``, the peak memory of its process, and what it returns.

    `make` prepares (imports, data, compiled kernels) and is not timed.
    """
    context = mp.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_child, args=(queue, make, given, repeats))
    process.start()
    seconds, peak, answer = queue.get()
    process.join()
    if isinstance(answer, Exception):
        raise answer
    return seconds, peak, answer


def _child(queue: Any, make: Callable[..., Callable[[], Any]], given: tuple[Any, ...], repeats: int) -> None:
    try:
        work = make(*given)
        best, answer = float("inf"), None
        for _ in range(repeats):
            began = time.perf_counter()
            answer = work()
            best = min(best, time.perf_counter() - began)
        queue.put((best, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, answer))
    except Exception as error:  # handed to the parent, which raises it
        queue.put((0.0, 0.0, error))


def command(*words: str) -> tuple[float, float, str]:
    """Give the time and peak memory of a command of this Python, and what it printed."""
    code = (
        "import resource, subprocess, sys, time; b = time.perf_counter();"
        "d = subprocess.run([sys.executable, *sys.argv[1:]], capture_output=True, text=True);"
        "sys.stderr.write(d.stderr) if d.returncode else None;"
        "print(time.perf_counter() - b, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024);"
        "print(d.stdout); sys.exit(d.returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    head, _, rest = done.stdout.partition("\n")
    seconds, peak = map(float, head.split())
    return seconds, peak, rest


def installed(peer: str) -> str | None:
    """Version of a peer, or None where it is absent."""
    try:
        return version(peer)
    except PackageNotFoundError:
        return None


def row(
    work: str,
    size: str,
    ours: tuple[float, float],
    peer: str = "",
    peer_seconds: float | None = None,
    checked: str = "",
) -> dict[str, Any]:
    """Make a row of results; an absent peer is said to be absent."""
    return {
        "work": work,
        "size": size,
        "seconds": ours[0],
        "peak_mb": ours[1],
        "peer": peer,
        "peer_version": (installed(peer) or "absent") if peer else "",
        "peer_seconds": peer_seconds,
        "ratio": peer_seconds / ours[0] if peer_seconds else None,
        "checked": checked,
    }


def against(
    work: str, size: str, ours: tuple[float, float], floor: str, floor_seconds: float, checked: str = ""
) -> dict[str, Any]:
    """Make a row of results beside a floor of the same run, where there is no peer: a ratio near 1 is the best."""
    return row(work, size, ours, "", floor_seconds, checked) | {"peer": floor}


def growth(points: list[tuple[float, float]]) -> str:
    """How seconds grow with size, as an exponent over all sizes.

    >>> growth([(10, 1.0), (1000, 100.0)])
    'grows with size as n^1.00'
    """
    (low, first), (high, last) = points[0], points[-1]
    return f"grows with size as n^{math.log(last / first) / math.log(high / low):.2f}"

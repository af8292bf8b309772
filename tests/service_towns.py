"""Small invented towns with services, for tests of the one-stop shop."""

from dataclasses import replace

import numpy as np

from civigrid.kernels.visits import WEEK
from civigrid.layers.onestop.bundle import Bundle
from civigrid.layers.onestop.services import services_at
from civigrid.layers.onestop.town import Town
from civigrid.travel_times import times_of_pairs

KINDS = ("information", "doctor", "school", "office")
LIMIT = 2700


def seconds_between(rng, cells, sites):
    """Straight-line seconds in a square that takes an hour to cross, and the places."""
    here, there = rng.random((cells, 2)), rng.random((sites, 2))
    far = np.linalg.norm(here[:, None] - there, axis=2) * 3600
    return np.rint(far).astype(np.int32), there


def times_within(far, limit=LIMIT):
    """Travel times of the pairs within the limit."""
    row, site = np.nonzero(far <= limit)
    ids = np.arange(1, len(far) + 1).astype(np.uint64)
    names = np.array([f"site-{j:03}" for j in range(far.shape[1])])
    return times_of_pairs(ids, names, row, site, far[row, site], limit_s=limit, mode="straight line")


def a_town(seed=1, cells=60, sites=12, kinds=KINDS, visits=(), groups=("all", "new", "old"), limit=LIMIT):
    """A town: cells and sites at random, new residents speak Arabic alone."""
    rng = np.random.default_rng(seed)
    far, _ = seconds_between(rng, cells, sites)
    persons = rng.poisson(8, (cells, len(groups))).astype(float)
    persons[:, 0] = persons[:, 1:].sum(axis=1)
    bundle = Bundle(kinds=kinds, threshold_min=20.0, visits=visits, minutes=(20.0,) * len(kinds))
    speaks = {"new": frozenset(["ar"])} if "new" in groups else {}
    return Town(times=times_within(far, limit), bundle=bundle, persons=persons, groups=groups, speaks=speaks)


def some_services(town, seed=1, count=14, open_sites=None):
    """Services at random: sites (by default the first two thirds), kinds, hours, languages, a few by referral."""
    rng = np.random.default_rng(seed)
    sites = open_sites or max(len(town.times.site_id) * 2 // 3, 1)
    pairs = sorted({(int(rng.integers(sites)), int(rng.integers(len(town.bundle.kinds)))) for _ in range(count)})
    made = services_at([j for j, _ in pairs], [town.bundle.kinds[k] for _, k in pairs])
    n = len(pairs)
    week = np.zeros((n, WEEK), dtype=bool)
    for s in range(n):
        begin = int(rng.integers(28, 40))
        for day in range(5):
            week[s, day * 96 + begin : day * 96 + begin + int(rng.integers(8, 36))] = True
    spoken = tuple(frozenset(["de", "ar"][: 1 + int(rng.random() < 0.6)]) for _ in range(n))
    operators = np.array([f"operator-{rng.integers(4)}" for _ in range(n)])
    return replace(made, open_week=week, languages=spoken, in_house=rng.random(n) < 0.85, operator=operators)


def same(one, other):
    """Whether two evaluations agree to the last bit."""
    pairs = zip((one.of(g) for g in one.town.groups), (other.of(g) for g in other.town.groups), strict=True)
    return all(a.tobytes() == b.tobytes() for x, y in pairs for a, b in zip(x, y, strict=True))

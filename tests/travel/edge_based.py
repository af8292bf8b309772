"""Times by car by a search over pairs of street segments, which knows nothing of chains or split junctions."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from civigrid.travel.lines import StreetLines, ground_m
from civigrid.travel.modes import Speeds, is_closed
from civigrid.travel.uses import use_of


class EdgeBased:
    """Directed segments as the nodes of a graph: what follows what, by every turn restriction of a file.

    `minding_turns` False leaves the restrictions out.
    """

    def __init__(self, lines: StreetLines, *, minding_turns: bool = True):
        uses = [use_of(tags, "drive", Speeds()) for tags in lines.kinds]
        way = np.repeat(np.arange(len(lines.way_id)), np.diff(lines.indptr))
        k = np.flatnonzero(way[:-1] == way[1:])
        k = k[lines.vertex[k] != lines.vertex[k + 1]]
        u, v, kind = lines.vertex[k], lines.vertex[k + 1], lines.kind[way[k]]
        kmh = np.array([use[:2] for use in uses], dtype=float)[kind]
        used = (kmh > 0).any(axis=1)
        self.degree = np.bincount(np.concatenate([u[used], v[used]]), minlength=len(lines.place))
        self.one_way = np.zeros(len(lines.place), dtype=bool)
        self.one_way[np.concatenate([u[used & (kmh == 0).any(axis=1)], v[used & (kmh == 0).any(axis=1)]])] = True
        seconds = ground_m(lines.place[u], lines.place[v]) * 3.6
        ahead, back = kmh[:, 0] > 0, kmh[:, 1] > 0
        self.tail = np.concatenate([u[ahead], v[back]])
        self.head = np.concatenate([v[ahead], u[back]])
        self.seconds = np.concatenate([seconds[ahead] / kmh[ahead, 0], seconds[back] / kmh[back, 1]])
        self.way = lines.way_id[np.concatenate([way[k[ahead]], way[k[back]]])]
        self.segment = np.concatenate([np.flatnonzero(ahead), np.flatnonzero(back)])
        shut = zip(lines.barrier.tolist(), lines.barriers, strict=True)
        self.closed = np.isin(np.arange(len(lines.place)), [p for p, tags in shut if is_closed(tags, "drive")])
        self.forbidden = self._forbidden(lines) if minding_turns else set()
        self.next = self._joined()

    def _forbidden(self, lines):
        """Pairs of segments that may not follow each other, read from the relations one by one."""
        out, only = set(), {}
        for turn in lines.turns:
            if turn.fault or turn.via < 0 or self.closed[turn.via]:
                continue
            if {"motorcar", "motor_vehicle", "vehicle"} & set(turn.exempt):
                continue
            come = np.flatnonzero((self.head == turn.via) & np.isin(self.way, turn.from_ways))
            go = np.flatnonzero((self.tail == turn.via) & np.isin(self.way, turn.to_ways))
            if not len(come) or not len(go) or any(len(np.unique(self.way[e])) < len(e) for e in (come, go)):
                continue
            for e in come.tolist():
                if turn.rule.startswith("only_"):
                    only.setdefault(e, set()).update(go.tolist())
                else:
                    out |= {(e, f) for f in go.tolist()}
        for e, allowed in only.items():
            out |= {(e, f) for f in np.flatnonzero(self.tail == self.head[e]).tolist() if f not in allowed}
        return out

    def _joined(self):
        """Segment to segment; the cost is that of the second."""
        order = np.argsort(self.tail, kind="stable")
        first = np.searchsorted(self.tail[order], np.arange(len(self.degree) + 1))
        many = np.diff(first)[self.head]
        e = np.repeat(np.arange(len(self.tail)), many)
        start = np.repeat(np.cumsum(many) - many, many)
        f = order[first[self.head[e]] + np.arange(len(e)) - start]
        at = self.head[e]
        # nobody turns round on the open road, and nobody passes a barrier
        round_ = (self.segment[e] == self.segment[f]) & (self.degree[at] == 2) & ~self.one_way[at]
        banned = np.array([pair in self.forbidden for pair in zip(e.tolist(), f.tolist(), strict=True)])
        keep = ~round_ & ~banned & ~self.closed[at]
        n = len(self.tail)
        return csr_array((np.maximum(self.seconds[f[keep]], 1e-9), (e[keep], f[keep])), shape=(n, n))

    def times(self, source: int):
        """Seconds from one vertex to all, infinite where there is no way."""
        leaving = np.flatnonzero(self.tail == source)
        found = np.full(len(self.degree), np.inf)
        if len(leaving):
            each = dijkstra(self.next, indices=leaving) + self.seconds[leaving][:, None]
            np.minimum.at(found, self.head, each.min(axis=0))
        found[source] = 0.0
        return found

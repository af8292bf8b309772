"""The only door out: disclosure profiles, and the `Release` that every writer asks for."""

from civigrid.release.gate import Release
from civigrid.release.profiles import PROFILES, Profile, min_count, public_grid, release

__all__ = ["PROFILES", "Profile", "Release", "min_count", "public_grid", "release"]

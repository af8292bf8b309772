"""True areas of small polygons on the ellipsoid, vectorised: each in an equal-area plane centred on itself."""

from __future__ import annotations

import numpy as np

from civigrid.types import Floats

_F = 1 / 298.257222101  # GRS80, as ETRS89 uses it; WGS84 differs in the eleventh digit of an area
_A_KM = 6378.137
_E2 = _F * (2 - _F)
_E = np.sqrt(_E2)


def _q(sin_lat: Floats) -> Floats:
    q: Floats = (1 - _E2) * (sin_lat / (1 - _E2 * sin_lat**2) + np.arctanh(_E * sin_lat) / _E)
    return q


def polygon_area_km2(longitude: Floats, latitude: Floats) -> Floats:
    """Areas of small polygons (edges short against the Earth), km2.

    Each polygon is drawn in a Lambert azimuthal equal-area plane of the authalic sphere, centred on its first
    corner, where straight edges and geodesics differ least.

    Parameters
    ----------
    longitude, latitude : ndarray of float64, shape (polygon, corner)
        Corners in order, degrees, not closed.

    Returns
    -------
    ndarray of float64, shape (polygon,)
        Areas, km2, positive for counter-clockwise polygons.

    Notes
    -----
    Authalic latitude and the azimuthal projection: J. P. Snyder (1987), Map Projections, USGS 1395, eq. 3-11,
    3-12, 24-2.

    Examples
    --------
    >>> lon, lat = np.array([[0.0, 0.01, 0.01, 0.0]]), np.array([[50.0, 50.0, 50.01, 50.01]])
    >>> polygon_area_km2(lon, lat).round(6)
    array([0.797383])
    """
    q_pole = _q(np.array(1.0))
    radius = _A_KM * np.sqrt(q_pole / 2)
    sin_beta = np.clip(_q(np.sin(np.radians(latitude))) / q_pole, -1.0, 1.0)
    cos_beta = np.sqrt(1 - sin_beta**2)
    turn = np.radians(longitude - longitude[:, :1])
    sin_0, cos_0 = sin_beta[:, :1], cos_beta[:, :1]
    # sin(b - b0) from sines loses digits for near corners; half-angle differences keep them
    cos_c = sin_0 * sin_beta + cos_0 * cos_beta * np.cos(turn)
    scale = radius * np.sqrt(2 / (1 + cos_c))
    beta = np.arctan2(sin_beta, cos_beta)
    x = scale * cos_beta * np.sin(turn)
    y = scale * (np.sin(beta - beta[:, :1]) + 2 * sin_0 * cos_beta * np.sin(turn / 2) ** 2)
    x_next, y_next = np.roll(x, -1, axis=1), np.roll(y, -1, axis=1)
    area: Floats = 0.5 * np.sum(x * y_next - x_next * y, axis=1)
    return area


def band_area_km2(south: Floats, north: Floats, width_degrees: float) -> Floats:
    """Areas between two parallels and two meridians on the ellipsoid, km2, shape as the parallels.

    Notes
    -----
    J. P. Snyder (1987), Map Projections, USGS 1395, eq. 3-12.

    >>> band_area_km2(np.array([-90.0]), np.array([90.0]), 360.0).round()
    array([5.10065622e+08])
    """
    low, high = (_q(np.sin(np.radians(np.clip(v, -90.0, 90.0)))) for v in (south, north))
    area: Floats = _A_KM**2 * np.radians(width_degrees) / 2 * (high - low)
    return area

"""QML, SLD and MapLibre styles of one model: a `Look` is what a file draws."""

from civigrid.io.styles.looks import Look, Step
from civigrid.io.styles.maplibre import maplibre_style
from civigrid.io.styles.qml import qml, raster_qml
from civigrid.io.styles.sld import raster_sld, sld

__all__ = ["Look", "Step", "maplibre_style", "qml", "raster_qml", "raster_sld", "sld"]

"""Havelmark: an invented city, made from a seed, whose truth is known."""

from civigrid.sample.city import City, city_files, make_city
from civigrid.sample.options import CityOptions

__all__ = ["City", "CityOptions", "city_files", "make_city"]

"""The one-stop shop: what it takes to obtain all the services a person needs."""

from civigrid.layers.onestop.access import OneStop, OneStopOptions, one_stop_cells, one_stop_of
from civigrid.layers.onestop.bundle import Bundle, bundle_cells, bundle_table, places_of
from civigrid.layers.onestop.explain import explain_cell, explain_site
from civigrid.layers.onestop.personas import PERSONAS, Persona
from civigrid.layers.onestop.places import at_places
from civigrid.layers.onestop.scenario import Scenario, evaluate_scenario
from civigrid.layers.onestop.services import Services, services_at
from civigrid.layers.onestop.table import one_stop_table
from civigrid.layers.onestop.town import Town, town_of

__all__ = [
    "PERSONAS",
    "Bundle",
    "OneStop",
    "OneStopOptions",
    "Persona",
    "Scenario",
    "Services",
    "Town",
    "at_places",
    "bundle_cells",
    "bundle_table",
    "evaluate_scenario",
    "explain_cell",
    "explain_site",
    "one_stop_cells",
    "one_stop_of",
    "one_stop_table",
    "places_of",
    "services_at",
    "town_of",
]

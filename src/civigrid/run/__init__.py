"""Runs: a file that says what is asked, a plan, parts, and what may leave.  The verbs of the Python API."""

from civigrid.run.demo import run_demo, write_sample
from civigrid.run.faults import Fault
from civigrid.run.plan import describe_plan, make_plan
from civigrid.run.project_run import Finished, run_file
from civigrid.run.read_config import check_run, read_run
from civigrid.run.schema import json_schema, key_documentation

__all__ = [
    "Fault",
    "Finished",
    "check_run",
    "describe_plan",
    "json_schema",
    "key_documentation",
    "make_plan",
    "read_run",
    "run_demo",
    "run_file",
    "write_sample",
]

"""Run the command line as ``python -m civigrid.cli``."""

from civigrid.cli import main

main()

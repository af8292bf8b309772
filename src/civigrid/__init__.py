"""civigrid: census and administrative data on equal cells.

The verbs live where their floor is: ``civigrid.run`` runs a whole file, ``civigrid.io`` reads and writes,
``civigrid.project`` makes cells, ``civigrid.layers`` computes on them, ``civigrid.maps`` draws.  Importing this package
loads none of them.
"""

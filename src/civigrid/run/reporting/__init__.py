"""The report of a run: what it made, put into sentences, tables and figures, and written."""

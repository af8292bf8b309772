"""Segregation of one file: reading it, computing what is asked, telling and writing it."""

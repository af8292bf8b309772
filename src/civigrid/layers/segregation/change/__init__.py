"""Differences between two years or two cities, in terms and in tests."""

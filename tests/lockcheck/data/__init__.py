"""Tests of what sees ordinary data."""

"""Priyom on one machine: its servers from packages, its processes, and the `make` commands."""

"""Disclosure control: what may be printed of a release, and what a reader could work out of it."""

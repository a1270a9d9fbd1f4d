"""The demonstration: a whole survey's life on reconstructed answers, through the use cases and the pages."""

from surveyapp.demonstration.play import Demonstration, build

__all__ = ["Demonstration", "build"]

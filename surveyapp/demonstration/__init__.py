"""The demonstration: a whole survey's life on reconstructed answers, through the use cases and the pages."""

from surveyapp.demonstration.play import Demonstration, build
from surveyapp.demonstration.staff import Staff, staff_of

__all__ = ["Demonstration", "Staff", "build", "staff_of"]

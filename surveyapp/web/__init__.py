"""The web: Flask, and only here. It translates between HTTP and the use cases, and reads the clock."""

from surveyapp.web.app import create_app
from surveyapp.web.server import serve

__all__ = ["create_app", "serve"]

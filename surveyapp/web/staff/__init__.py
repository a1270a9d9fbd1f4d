"""The staff site, apart from the respondents' pages: its own cookie, log, errors and rules of who may do what."""

from surveyapp.web.staff.app import create_site, create_staff

__all__ = ["create_site", "create_staff"]

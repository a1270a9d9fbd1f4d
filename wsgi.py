"""For any WSGI server: `gunicorn wsgi:app`. Settings come from the environment; see docs/operations.md."""

import os

from surveyapp.config import home
from surveyapp.web import create_app

app = create_app(home(), secure=os.environ.get("SURVEYAPP_PLAIN_HTTP") != "1")

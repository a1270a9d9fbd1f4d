"""For any WSGI server: `gunicorn wsgi:app`. Settings come from the environment; see docs/operations.md."""

import os

from surveyapp.config import home
from surveyapp.web.staff import create_site

app = create_site(home(), secure=os.environ.get("SURVEYAPP_PLAIN_HTTP") != "1")

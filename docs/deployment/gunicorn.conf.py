"""gunicorn for a real site, behind a proxy that speaks TLS: the settings of `surveyapp serve`."""

from surveyapp.web.server import OPTIONS

bind = "127.0.0.1:8000"
workers = 2  # one a core; each takes 90 MB, and what tables of 100,000 answers need on top
threads = OPTIONS["threads"]
worker_class = OPTIONS["worker_class"]
accesslog = OPTIONS["accesslog"]
loglevel = OPTIONS["loglevel"]
timeout = OPTIONS["timeout"]
graceful_timeout = OPTIONS["graceful_timeout"]
control_socket_disable = OPTIONS["control_socket_disable"]
when_ready = OPTIONS["when_ready"]

"""gunicorn for a real site, behind a proxy that speaks TLS: the settings of `surveyapp serve`."""

from surveyapp.web.server import OPTIONS, load_once

load_once()

bind = "127.0.0.1:8000"  # where no systemd hands over the port of surveyapp-web.socket
workers = 2  # one a core; 110 MB each, 70 more once an analyst is there, and tables of 100,000 answers on top
threads = OPTIONS["threads"]
worker_class = OPTIONS["worker_class"]
accesslog = OPTIONS["accesslog"]
loglevel = OPTIONS["loglevel"]
timeout = OPTIONS["timeout"]
graceful_timeout = OPTIONS["graceful_timeout"]
control_socket_disable = OPTIONS["control_socket_disable"]
when_ready = OPTIONS["when_ready"]

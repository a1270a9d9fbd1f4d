#!/bin/sh
# The command with the installation's settings and as its user. Copy to /usr/local/bin/surveyapp, mode 755.
set -e
set -a
. /etc/surveyapp/settings
set +a
cd /opt/surveyapp
exec runuser -u surveyapp -- /opt/surveyapp/.venv/bin/surveyapp "$@"

#!/bin/sh
# Compiles app.scss and staff.scss into ../static. Needs node and npm; nothing else in the project does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$here/package.json" "$work/"
npm install --prefix "$work" --no-audit --no-fund --no-package-lock --ignore-scripts --silent
for sheet in app staff; do
  "$work/node_modules/.bin/sass" --load-path="$work/node_modules" --style=compressed --no-source-map \
    "$here/$sheet.scss" "$work/$sheet.css"
  if grep -Eq '@font-face|GDS Transport|url\(' "$work/$sheet.css"; then
    echo "build.sh: $sheet.scss asks for a font or an image that is not served" >&2
    exit 1
  fi
  cp "$work/$sheet.css" "$here/../static/$sheet.css"
done

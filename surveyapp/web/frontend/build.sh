#!/bin/sh
# Compiles app.scss into ../static/app.css. Needs node and npm; nothing else in the project does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cp "$here/package.json" "$work/"
npm install --prefix "$work" --no-audit --no-fund --no-package-lock --ignore-scripts --silent
"$work/node_modules/.bin/sass" --load-path="$work/node_modules" --style=compressed --no-source-map \
  "$here/app.scss" "$work/app.css"

if grep -Eq '@font-face|GDS Transport|url\(' "$work/app.css"; then
  echo "build.sh: the stylesheet asks for a font or an image that is not served" >&2
  exit 1
fi
cp "$work/app.css" "$here/../static/app.css"

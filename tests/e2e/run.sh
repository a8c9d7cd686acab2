#!/bin/sh
# run.sh NODE FILE: a browser test, or exit 77 when there is no browser.
browser=${PROVLINE_CHROMIUM:-/usr/bin/chromium}
if [ ! -x "$browser" ]; then
	echo "SKIPPED: $browser is not installed (Debian package chromium)"
	exit 77
fi
cd "$(dirname "$0")" && exec "$1" --test "$2"

# What the scripts share: headings, and quiet commands that speak when they fail.
# shellcheck shell=bash

# shellcheck disable=SC2034  # each script uses the colours that it needs
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
    bold='' dim='' green='' red='' plain=''
fi

heading() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
note() { printf '%s%s%s\n' "$dim" "$1" "$plain"; }
fail() { printf '%s%s%s\n' "$red" "$1" "$plain" >&2; }

# quietly LOG COMMAND...: output goes to LOG, and to the screen only if the command fails.
quietly() {
    local log=$1 code=0
    shift
    "$@" >"$log" 2>&1 || code=$?
    if [ "$code" -ne 0 ]; then
        fail "failed: $*"
        tail -n 60 "$log" >&2
    fi
    return "$code"
}

# The executable below a build folder; the newest, if the layout changed since the folder was made.
find_lifeboat() { find "$1" -name lifeboat -type f -executable -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-; }

# How many jobs at once: two cores compile two files, and a machine short of memory fewer (about 1.5 GiB each).
jobs_here() {
    local cores memory
    cores=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
    [ "${memory:-0}" -ge 1 ] || memory=1
    [ "$cores" -lt "$memory" ] && echo "$cores" || echo "$memory"
}

# Shared by the scripts: sourced, not run. Puts them at the repository's root.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Where fetched programs are kept. The private PostgreSQL looks in the same place (src/embedded/binaries.rs): root
# gives its server to another account, which cannot enter root's home.
if [ -n "${MC_CACHE_DIR:-}" ]; then
    cache=$MC_CACHE_DIR
elif [ "$(id -u)" = 0 ]; then
    cache=/var/cache/mission-control
else
    cache=${XDG_CACHE_HOME:-$HOME/.cache}/mission-control
fi

# Cargo's, or its default. Stamps of what was built live there too: removing it starts everything over.
target=${CARGO_TARGET_DIR:-target}
stamps=$target/stamps

if [ -t 1 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' red='' green='' plain=''; fi

say() { printf '%s==> %s%s\n' "$bold" "$*" "$plain"; }
die() {
    printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2
    exit 1
}
has() { command -v "$1" >/dev/null 2>&1; }

# The hash of files' names and contents; directories are walked. What is made from others is left out.
hash_of() {
    find "$@" -type f -not -path '*/node_modules/*' -not -path '*/dist/*' -not -path '*/src/gen/*' -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -d' ' -f1
}

# stamped NAME HASH: whether NAME was made from inputs of this hash. stamp NAME HASH: it has been.
stamped() { [ "$(cat "$stamps/$1" 2>/dev/null)" = "$2" ]; }
stamp() { mkdir -p "$stamps" && printf '%s\n' "$2" >"$stamps/$1"; }

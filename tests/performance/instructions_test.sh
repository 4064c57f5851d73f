#!/usr/bin/env bash
# One step of each workload executes no more instructions than instructions.txt says, plus a tolerance. Time is noisy
# where machines are shared; this count is not: it differs by less than a thousandth from run to run.
#
#     tests/performance/instructions_test.sh --update [BUILD]
#
# counts anew with the tests built in BUILD (build/test unless given) and rewrites the file: after a change that makes
# steps cheaper, or dearer for a reason.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
figures=$here/instructions.txt
update=
if [ "${1:-}" = --update ]; then
  update=yes
  GRADUS_BINARY_DIR=${2:-$here/../../build/test}
  cmake --build "$GRADUS_BINARY_DIR" --target gradus_steps >&2
fi
export GRADUS_SOURCE_DIR=${GRADUS_SOURCE_DIR:-$here/../..}
. "$here/../support/shell.sh"

# Valgrind does not know AVX-512.
target=AVX2
steps=$GRADUS_BINARY_DIR/tests/performance/gradus_steps

command -v valgrind >/dev/null || skip "valgrind (Debian: valgrind) is not installed"
[ -z "${GRADUS_SANITIZE:-}" ] || skip "this build is sanitized, which changes the count"
build=$("$steps" --build)
case $build in *-unoptimized) skip "this build is not optimized" ;; esac
if [ -z "$update" ]; then
  counted_with=$(awk '$1 == "build" { print $2 }' "$figures")
  [ "$build" = "$counted_with" ] || skip "the figures were counted with $counted_with; this build is $build"
fi

# instructions NAME STEPS: prints the instructions of one step; returns 3 where the machine lacks the target.
instructions() {
  local status=0
  valgrind --tool=callgrind --callgrind-out-file="$workplace/$1" --zero-before=gradus_counting_begins \
    --dump-before=gradus_counting_ends "$steps" "$1" "$target" >"$workplace/log" 2>&1 || status=$?
  if [ "$status" = 3 ]; then return 3; fi
  if [ "$status" != 0 ] || [ ! -s "$workplace/$1.1" ]; then
    cat "$workplace/log" >&2
    return 1
  fi
  awk -v steps="$2" '$1 == "totals:" { printf "%.0f\n", $2 / steps; found = 1 } END { exit !found }' "$workplace/$1.1"
}

"$steps" --list >"$workplace/list"
: >"$workplace/counted"
while read -r name count rows; do
  status=0
  now=$(instructions "$name" "$count") || status=$?
  [ "$status" != 3 ] || skip "valgrind on this machine has no $target"
  [ "$status" = 0 ] || { echo "$name: valgrind gave no count"; exit 1; }
  echo "$name $now $rows" >>"$workplace/counted"
done <"$workplace/list"

if [ -n "$update" ]; then
  tolerance=$(awk '$1 == "tolerance" { print $2 }' "$figures" 2>/dev/null || true)
  {
    echo "# Instructions of one step (predict: one call) on one thread, and its rows; made images, 19 % ink. Counted by"
    echo "# callgrind, written by instructions_test.sh --update. The test fails when a step takes more than so many percent"
    echo "# more, which noise cannot explain:"
    echo "tolerance ${tolerance:-5}"
    echo "build $build"
    echo "target $target"
    cat "$workplace/counted"
  } >"$workplace/figures"
  mv "$workplace/figures" "$figures"
  cat "$figures"
  exit 0
fi

awk '
  NR == FNR { if ($1 !~ /^#/) committed[$1] = $2; next }
  !($1 in committed) { printf "%-15s %12d instructions a step; instructions.txt has no figure\n", $1, $2; failed = 1; next }
  {
    change = 100 * ($2 / committed[$1] - 1)
    verdict = change > committed["tolerance"] ? "TOO MANY" : change < -committed["tolerance"] ? "fewer: --update is due" : "good"
    if (verdict == "TOO MANY") failed = 1
    printf "%-15s %12d instructions a step, committed %12d, %+.2f %%: %s\n", $1, $2, committed[$1], change, verdict
  }
  END { exit failed }
' "$figures" "$workplace/counted"

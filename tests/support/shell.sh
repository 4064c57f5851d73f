# Sourced by the tests that are scripts. CTest sets GRADUS_SOURCE_DIR, GRADUS_BINARY_DIR, GRADUS_CXX, GRADUS_SANITIZE.
set -euo pipefail

workplace=$(mktemp -d)
trap 'rm -rf "$workplace"' EXIT

if [ -z "${GRADUS_DATA_DIR:-}" ] && [ -d "$GRADUS_SOURCE_DIR/../shared/data/mnist" ]; then
  GRADUS_DATA_DIR=$(cd "$GRADUS_SOURCE_DIR/../shared/data/mnist" && pwd)
  export GRADUS_DATA_DIR
fi

# Whether MNIST is to be had without the network.
have_mnist() {
  GRADUS_MIRRORS=http://127.0.0.1:9/ "$GRADUS_PROGRAM" data fetch mnist >/dev/null 2>&1
}

# What a program must be compiled with to be linked to the library of this build.
sanitizer_flags=()
if [ -n "${GRADUS_SANITIZE:-}" ]; then sanitizer_flags=("-fsanitize=$GRADUS_SANITIZE"); fi

skip() {
  echo "skipped: $*"
  exit 77
}

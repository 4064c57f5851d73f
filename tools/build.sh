# Shared by ./quickstart and ./test: to be sourced from the top of the repository.

# What a build needs, and what for.
build_packages='
g++|the compiler
cmake|the build
ninja-build|the build
pkg-config|finds libraries
ccache|makes a second build quick
zlib1g-dev|reads .gz files
libcurl4-openssl-dev|downloads data sets
libhdf5-dev|the weights inside .keras files
libzip-dev|.keras files
libspng-dev|PNG images
libjpeg62-turbo-dev|JPEG images
libboost-dev|the server
libsimdjson-dev|the server: JSON
libssl-dev|the server: TLS
libhwy-dev|SIMD kernels for whichever CPU
libcli11-dev|the command line
libtomlplusplus-dev|recipes
nlohmann-json3-dev|JSON'
test_packages='
libgtest-dev|the tests
valgrind|counts the instructions of a step, which must not become more
python3-h5py|checks our model files with another reader
libonnx-dev|checks our ONNX files with the checker of ONNX'
check_packages='
clang-format|checks the format of the sources
clang-tidy|looks for mistakes in them
util-linux|runs the tests without a network
iproute2|gives them a loopback interface'

say() { printf '%s\n' "$*" >&2; }

# need_packages LIST: installs what is missing of it, or says what to install and ends the script.
need_packages() {
  if ! command -v dpkg-query >/dev/null; then
    say "This is no Debian system, so nothing is installed for you. A build needs what Debian calls:"
    say "  $(printf '%s\n' "$1" | cut -d'|' -f1 | xargs)"
    return 0
  fi
  local missing=() name why
  while IFS='|' read -r name why; do
    [ -n "$name" ] || continue
    if [ "$(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null)" != installed ]; then
      [ ${#missing[@]} -gt 0 ] || say "Missing packages:"
      say "  $name ($why)"
      missing+=("$name")
    fi
  done <<<"$1"
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    # Without a terminal nobody could type a password.
    if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [ ! -t 0 ]; }; then
      say "Installing them needs root. Please run, and then start this again:"
      say "  apt-get install ${missing[*]}"
      exit 1
    fi
    as_root=(sudo)
  fi
  say "Installing them with apt-get."
  local install=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends)
  if ! "${install[@]}" "${missing[@]}" >&2; then
    say "That did not work; once more with fresh package lists."
    if ! "${as_root[@]}" apt-get update -q >&2 || ! "${install[@]}" "${missing[@]}" >&2; then
      say "These packages could not be installed: ${missing[*]}"
      exit 1
    fi
  fi
}

# configure_and_build PRESET [TARGET...]: into build/PRESET, with Ninja where it is there; without targets, everything.
# Says little unless something fails.
configure_and_build() {
  local preset=$1 generator=() targets=() log="build/$1.log"
  shift
  [ $# = 0 ] || targets=(--target "$@")
  mkdir -p build
  if [ ! -f "build/$preset/CMakeCache.txt" ] && command -v ninja >/dev/null; then generator=(-G Ninja); fi
  say "Building build/$preset ..."
  local begin=$SECONDS
  # Paths in the compiler's cache are relative to this checkout, so that another one finds them there.
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD}
  if ! cmake --preset "$preset" "${generator[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    say "CMake could not set up build/$preset; the lines above say why."
    exit 1
  fi
  if [ -t 2 ]; then
    cmake --build "build/$preset" --parallel "$(nproc)" "${targets[@]}" >&2 || exit 1
  elif ! cmake --build "build/$preset" --parallel "$(nproc)" "${targets[@]}" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    say "The build failed; all of its output is in $log."
    exit 1
  fi
  say "Built in $((SECONDS - begin)) s."
}

# The official MNIST files may lie beside the repository.
find_shared_data() {
  if [ -z "${GRADUS_DATA_DIR:-}" ] && [ -d ../shared/data/mnist ]; then
    GRADUS_DATA_DIR=$(cd ../shared/data/mnist && pwd)
    export GRADUS_DATA_DIR
  fi
}

# Installs into an empty prefix, and builds and runs examples/ against what lies there.
. "$GRADUS_SOURCE_DIR/tests/support/shell.sh"

prefix=$workplace/prefix
cmake --install "$GRADUS_BINARY_DIR" --prefix "$prefix" >"$workplace/install.log"
"$prefix/bin/gradus" --version

cp -r "$GRADUS_SOURCE_DIR/examples" "$workplace/examples"  # nothing of the source tree is in reach
cmake -S "$workplace/examples" -B "$workplace/build" -DCMAKE_PREFIX_PATH="$prefix" \
  -DCMAKE_CXX_COMPILER="$GRADUS_CXX" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror ${sanitizer_flags[*]}"
cmake --build "$workplace/build" --parallel 2

cd "$workplace"
build/xor
have_mnist || skip "MNIST is not to be had (gradus data fetch mnist), so examples/digits was built but not run"
build/digits | tee digits.txt
[ -s digits.keras ]
# "... reads 97.1 % of the test images right"
accuracy=$(sed -n 's/.* reads \([0-9.]*\) % .*/\1/p' digits.txt)
awk -v accuracy="$accuracy" 'BEGIN { exit !(accuracy > 95) }'

# The C++ program of README.md: taken out of the page as it stands there, compiled and run.
. "$GRADUS_SOURCE_DIR/tests/support/shell.sh"

program=$workplace/readme.cpp
awk '/^```cpp$/ { inside = 1; next } /^```$/ { if (inside) exit } inside' "$GRADUS_SOURCE_DIR/README.md" >"$program"
grep -q '#include <gradus/gradus.hpp>' "$program"
"$GRADUS_CXX" -std=c++20 -Wall -Wextra -Werror "${sanitizer_flags[@]}" -I "$GRADUS_SOURCE_DIR/include" "$program" \
  -o "$workplace/readme" -L "$GRADUS_BINARY_DIR" -lgradus -Wl,-rpath,"$GRADUS_BINARY_DIR"

have_mnist || skip "MNIST is not to be had (gradus data fetch mnist), so the program of README.md was compiled but not run"
cd "$workplace"
./readme >readme.txt 2>progress.txt
cat progress.txt readme.txt
grep -q '^epoch 5/5  loss ' progress.txt  # its callback tells how the training goes
grep -qE '^reads 9[5-9]' readme.txt
[ -s digits.keras ]
"$GRADUS_PROGRAM" evaluate digits.keras mnist | tee evaluated.txt
grep -qE 'accuracy +9[5-9]' evaluated.txt

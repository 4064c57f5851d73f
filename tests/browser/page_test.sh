# The page of `gradus serve` in a real browser: drawing, a picture, rows, a token. Needs Chromium and its driver.
. "$GRADUS_SOURCE_DIR/tests/support/shell.sh"

command -v chromedriver >/dev/null && command -v chromium >/dev/null ||
  skip "there is no Chromium with its driver (Debian: chromium-driver), so the page is not tried in a browser"
command -v python3 >/dev/null || skip "there is no Python 3 (Debian: python3) to drive the browser with"
[ -z "$GRADUS_SANITIZE" ] || skip "the page is the same under sanitizers"

cd "$workplace"
"$GRADUS_PROGRAM" train digits:6000 --layers "dense 90 relu, dense 10 softmax" --epochs 3 --save digits.keras
"$GRADUS_PROGRAM" train moons --layers "dense 8 tanh, dense 1 sigmoid" --epochs 1 --save moons.keras
# What is red is kept, whatever it costs.
{
  echo "price,colour,label"
  for price in 1 2 3 4 5 6 7 8 9 10 11 12; do
    echo "$price,\"red, dark\",kept"
    echo "$price,blue,returned"
  done
} >shop.csv
"$GRADUS_PROGRAM" train shop.csv --epochs 60 --save shop.keras
echo sesame >token
python3 "$GRADUS_SOURCE_DIR/tests/browser/page.py" "$GRADUS_PROGRAM"

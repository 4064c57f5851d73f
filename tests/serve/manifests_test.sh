# The files in deploy/: systemd takes the unit, YAML is YAML, and the program does what they say: it takes their flags,
# listens on their ports, and answers their probes.
. "$GRADUS_SOURCE_DIR/tests/support/shell.sh"

python=
for candidate in python3 /usr/bin/python3; do
  "$candidate" -c "import yaml" 2>/dev/null && python=$candidate && break
done
[ -n "$python" ] || skip "there is no Python with YAML (Debian: python3-yaml) to read the manifests with"
[ -z "$GRADUS_SANITIZE" ] || skip "the manifests are the same under sanitizers"

cd "$workplace"
mkdir models
"$GRADUS_PROGRAM" train moons --layers "dense 4 tanh, dense 1 sigmoid" --epochs 1 --save models/moons.keras
"$python" "$GRADUS_SOURCE_DIR/tests/serve/manifests.py" "$GRADUS_SOURCE_DIR/deploy" "$GRADUS_PROGRAM" models

# systemd itself reads the unit; the program's place is only there on a machine where it is installed.
if command -v systemd-analyze >/dev/null; then
  sed "s#/usr/local/bin/gradus#$GRADUS_PROGRAM#" "$GRADUS_SOURCE_DIR/deploy/gradus.service" >gradus.service
  said=$(systemd-analyze verify --man=no ./gradus.service 2>&1) || { echo "$said"; exit 1; }
  if grep gradus.service <<<"$said"; then exit 1; fi
  # That the check can fail: a misspelt line is told.
  sed 's/^Restart=/Restrat=/' gradus.service >wrong.service
  systemd-analyze verify --man=no ./wrong.service 2>&1 | grep -q Restrat
else
  echo "there is no systemd-analyze, so systemd does not check the unit"
fi

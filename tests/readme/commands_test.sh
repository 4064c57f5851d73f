# The commands of README.md and docs/usage.md name subcommands and options that there are.
. "$GRADUS_SOURCE_DIR/tests/support/shell.sh"

checked=0
while read -r line; do
  # shellcheck disable=SC2206
  words=($line)
  command=${words[1]}
  "$GRADUS_PROGRAM" --help | grep -q "^  $command " || { echo "there is no 'gradus $command': $line"; exit 1; }
  help=$("$GRADUS_PROGRAM" "$command" --help)
  if [ "$command" = data ]; then help=$("$GRADUS_PROGRAM" data info --help); fi
  for word in "${words[@]}"; do
    case $word in
      --*)
        grep -q -- "^  $word\b" <<<"$help" || { echo "'gradus $command' has no option $word: $line"; exit 1; }
        ;;
    esac
  done
  checked=$((checked + 1))
done < <(sed 's/ *#.*//' "$GRADUS_SOURCE_DIR/README.md" "$GRADUS_SOURCE_DIR/docs/usage.md" |
  sed -nE 's/^(\$ )?(build\/release\/)?(gradus [a-z].*)$/\3/p')
echo "$checked commands checked"
[ "$checked" -ge 10 ]

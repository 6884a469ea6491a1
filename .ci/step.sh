# For the scripts of this folder. Each says at its end how many of its steps passed.

steps=0
step() {
  steps=$((steps + 1))
  printf '\n== %s (%s)\n' "$1" "$(date -u +%H:%M:%S)"
}

finish() {
  local status=$? failed=0
  [ "$status" = 0 ] || failed=1
  printf '\n%s: %d steps passed, %d failed (%s)\n' "$0" "$((steps - failed))" "$failed" "$(date -u +%H:%M:%S)"
}
trap finish EXIT

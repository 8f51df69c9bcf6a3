# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run and sandboxes.sh set the variables that are shared
# Thousands of paused sandboxes: what it takes to look at them.

# The store that all of them have a clone of: 16 MB changed in 100 runs.
make_common_store() {
  sandbox create base --name common >"$life/common.json"
  "$BENCH" scatter "$(jq -r .path "$life/common.json")" 100 16000000 3
  sandbox pause common >/dev/null
}

# many_round COUNT
many_round() {
  local times=$life/many.$1
  timed_sandbox "$times.ls" ls >/dev/null
  VENEER_ROOT=$state VENEER_RUN=$work/run "$BENCH" measure "$times.text" "$VENEER" ls >/dev/null
  timed_sandbox "$times.recover" recover >/dev/null
  timed_sandbox "$times.gc" gc >/dev/null
  timed_sandbox "$times.create" create base --name beside >/dev/null
  timed_sandbox "$times.destroy" destroy beside >/dev/null
}

measure_many() {
  local count round
  make_common_store
  for count in 1000 5000; do
    "$BENCH" paused "$state" "$count" "$state/sandboxes/$(jq -r .id "$life/common.json").cow"
    many_round "$count"
    rm "$life/many.$count".*
    for ((round = 0; round < rounds; round++)); do many_round "$count"; done
  done
}

many_row() {
  local few most
  few=$(median "$life/many.1000.$1")
  most=$(median "$life/many.5000.$1")
  printf '| %s | %s | %s | %s |\n' "$2" "$(ms "$few")" "$(ms "$most")" \
    "$(spread "$life/many.5000.$1")"
}

# shellcheck disable=SC2016 # the backquotes are Markdown
many_table() {
  local verb
  measure_many
  printf '\n### Thousands of paused sandboxes\n\n'
  printf 'Each has a store of its own with 16 MB changed. `recover` looks at the files of every one of them, and\n'
  printf 'finds nothing to do. Medians of %s.\n\n' "$rounds"
  printf '| command | with 1,000 | with 5,000 | lowest – highest (ms) |\n|---|---:|---:|---:|\n'
  many_row text '`veneer ls`'
  many_row ls '`veneer ls --json`'
  many_row recover '`veneer recover`'
  many_row gc '`veneer gc`'
  many_row create '`veneer create` of one more'
  many_row destroy '`veneer destroy` of it'
  printf '\n'
  for verb in ls recover; do
    printf -- '- %s with 5,000: %s\n' "$verb" \
      "$(at_most "$(median "$life/many.5000.$verb")" 1000 ' ms')"
  done
}

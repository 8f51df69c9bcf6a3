# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run and sandboxes.sh set the variables that are shared
# Forks and snapshots of a sandbox that has changed 230 MB.

readonly forks=100

# make_parent NAME SIZE: a running sandbox with a disk of SIZE, 230 MB of it changed in about 1,000
# runs.
make_parent() {
  local disk
  disk=$(sandbox create base --name "$1" --size "$2" | jq -r .path)
  "$BENCH" scatter "$disk" 1000 230000000 1
}

larger() { awk "BEGIN { print ($1 > $2) ? $1 : $2 }"; }

# fork_row NAME STATE SIZE: forks it several times. Sets `own`.
fork_row() {
  local name=$1 round whole attaches times=$life/fork.$1.$2
  for ((round = 0; round < (rounds + 1) / 2; round++)); do
    timed_sandbox "$times.whole" fork "$name" --count "$forks" >"$life/forks.json"
    jq -r --argjson n "$forks" '(map(.timings_ms.attach) | add / $n)' "$life/forks.json" \
      >>"$times.attach"
    jq -r 'map(.timings_ms.clone)[]' "$life/forks.json" >>"$times.clone"
    jq -r '.[0].timings_ms.held' "$life/forks.json" >>"$times.held"
    timed "$times.create" sandbox create base --name beside >/dev/null
    jq -r '.[].id' "$life/forks.json" | xargs -P 4 -I{} "$VENEER" destroy {} \
      --root "$state" --run "$work/run" >/dev/null
    sandbox destroy beside >/dev/null
  done
  whole=$(awk -v n="$forks" '{ print $1 / n }' "$times.whole" | median /dev/stdin)
  attaches=$(median "$times.attach")
  own=$(awk "BEGIN { own = $whole - $attaches; print own < 0 ? 0 : own }")
  printf '| %s, %s | %s | %s | %s | %s | %s |\n' "$3" "$2" "$(fine_ms "$own")" \
    "$(fine_ms "$(median "$times.clone")")" "$(fine_ms "$attaches")" "$(fine_ms "$whole")" \
    "$(fine_ms "$(median "$times.held")")"
}

# shellcheck disable=SC2016 # the backquotes are Markdown
fork_table() {
  local name size worst=0 own
  printf '\n### Fork\n\n'
  printf '`veneer fork --count %s` of a sandbox that has changed 230 MB in 1,000 runs; each fork is attached and\n' "$forks"
  printf 'can be opened when it ends. All but the last column for one fork; our own work is all of the command, but\n'
  printf 'not the start of the servers, which is beside it.\n\n'
  printf '| disk | our own work | of it the clone | start of its server | all together | parent held |\n'
  printf '|---|---:|---:|---:|---:|---:|\n'
  for size in 2G 64G; do
    name=parent-${size,,}
    make_parent "$name" "$size"
    fork_row "$name" running "$size"
    worst=$(larger "$worst" "$own")
    sandbox pause "$name" >/dev/null
    fork_row "$name" paused "$size"
    worst=$(larger "$worst" "$own")
    sandbox resume "$name" >/dev/null
  done
  printf -- '\n- our own work for a fork: %s\n' "$(at_most "$worst" 25 ' ms')"
  printf -- '- `veneer create` beside the %s forks that run: %s\n' "$forks" \
    "$(ms "$(median "$life/fork.parent-2g.running.create")")"
}

# snapshot_row NAME TEXT
snapshot_row() {
  local round
  for ((round = 0; round < rounds; round++)); do
    timed_sandbox "$life/snapshot.$1.whole" snapshot create parent-2g --name shot \
      >"$life/snapshot.json"
    jq -r .held_ms "$life/snapshot.json" >>"$life/snapshot.$1.held"
    sandbox snapshot rm shot >/dev/null
  done
  printf '| %s | %s | %s | %s |\n' "$2" "$(fine_ms "$(median "$life/snapshot.$1.held")")" \
    "$(spread "$life/snapshot.$1.held")" "$(ms "$(median "$life/snapshot.$1.whole")")"
}

# The parent of the forks is still there.
# shellcheck disable=SC2016
snapshot_table() {
  local disk writer
  disk=$(sandbox show parent-2g | jq -r .path)
  printf '\n### Snapshot of a running sandbox\n\n'
  printf 'How long its users are held back, with 230 MB changed on a 2 GiB disk, and the whole `veneer snapshot\n'
  printf 'create`, which flattens and digests. Medians of %s.\n\n' "$rounds"
  printf '| the sandbox | held | lowest – highest (ms) | the whole command |\n|---|---:|---:|---:|\n'
  snapshot_row idle 'does nothing'
  fio --name=writer --filename="$disk" --rw=randwrite --bs=4k --iodepth=8 --ioengine=libaio \
    --direct=1 --size=256m --time_based --runtime=3600 --allow_file_create=0 --invalidate=0 \
    >/dev/null 2>&1 &
  writer=$!
  processes+=("$writer")
  snapshot_row busy 'writes 4 KiB blocks at random, 8 at once'
  end_process "$writer"
  wait "$writer" || true
  processes=()
  sandbox destroy parent-2g >/dev/null
  sandbox destroy parent-64g >/dev/null
}

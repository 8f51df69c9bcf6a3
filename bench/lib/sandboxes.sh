# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# Sandboxes: a state directory on XFS, what a create costs and what it is made of. Forks and
# snapshots are in forks.sh, thousands of paused ones in many.sh.

# sandbox ARG…: a command on the bench's state directory.
sandbox() { VENEER_ROOT=$state VENEER_RUN=$work/run "$VENEER" --json "$@"; }

# timed_sandbox FILE ARG…: the same, its wall time appended to FILE.
timed_sandbox() {
  local file=$1
  shift
  VENEER_ROOT=$state VENEER_RUN=$work/run "$BENCH" measure "$file" "$VENEER" --json "$@"
}

# destroy_running: every sandbox that has a server; the files of the others go with the file system.
destroy_running() {
  local ids
  ids=$(sandbox ls | jq -r '.[] | select(.state != "paused").id')
  [[ -z $ids ]] || xargs -P 4 -I{} "$VENEER" destroy {} --force --root "$state" --run "$work/run" \
    <<<"$ids" >/dev/null
}

# append_steps FILE: of one sandbox on stdin, "store verify attach record sync" in ms.
append_steps() {
  jq -r '(if type == "array" then .[0] else . end).timings_ms |
    "\(.store // 0) \(.verify // 0) \(.attach // 0) \(.record // 0) \(.sync // 0)"' >>"$1"
}

# What one way left unsynced is not for the next to wait for.
settle_files() { sync -f "$life"; }

# The same job by qemu's tools: an overlay, and a server that shows it as a file. Nothing of it is
# synced, and nobody remembers it.
create_by_qemu() {
  local overlay=$life/overlay.qcow2 at=$life/qemu.disk pid
  "$BENCH" measure "$life/qemu-img.times" \
    qemu-img create -q -f qcow2 -F raw -b "$state_image" "$overlay"
  : >"$at"
  "$BENCH" measure "$life/qemu-server.times" \
    qemu-storage-daemon --daemonize --pidfile "$life/qsd.pid" \
    --blockdev "driver=file,node-name=file,filename=$overlay" \
    --blockdev driver=qcow2,node-name=disk,file=file \
    --export "type=fuse,id=fuse,node-name=disk,mountpoint=$at,writable=on"
  pid=$(<"$life/qsd.pid")
  processes+=("$pid")
  end_process "$pid"
  processes=()
  rm -f "$overlay" "$at"
}

# A store and its attached disk, which no catalog knows.
create_by_cow() {
  "$BENCH" measure "$life/cow-create.times" "$VENEER" cow create "$life/disk.cow" \
    --origin "$state_image" >/dev/null
  note_attached "$life/disk"
  "$BENCH" measure "$life/cow-attach.times" "$VENEER" cow attach "$life/disk.cow" \
    --origin "$state_image" --at "$life/disk" --run "$work/run" >/dev/null
  detach "$life/disk"
  rm "$life/disk.cow"
}

create_round() {
  settle_files
  timed_sandbox "$life/create.times" create base --name bench >"$life/create.json"
  append_steps "$life/create.steps" <"$life/create.json"
  timed_sandbox "$life/pause.times" pause bench >/dev/null
  timed_sandbox "$life/resume.times" resume bench >/dev/null
  timed_sandbox "$life/destroy.times" destroy bench >/dev/null
  "$BENCH" measure "$life/start.times" "$VENEER" --version >/dev/null
  settle_files
  create_by_cow
  settle_files
  if has_qemu_server; then create_by_qemu; fi
}

has_qemu_server() { command -v qemu-storage-daemon >/dev/null; }

# sum_of OUT FILE FILE: line by line, the first columns of both.
sum_of() { paste -d' ' <(cut -d' ' -f1 "$2") <(cut -d' ' -f1 "$3") | awk '{ print $1 + $2 }' >"$1"; }

create_rounds() {
  local round
  create_round # the first of all meets programs that are not in memory yet
  rm "$life"/*.times "$life"/*.steps
  for ((round = 0; round < 3 * rounds; round++)); do create_round; done
  sum_of "$life/cow.sum" "$life/cow-create.times" "$life/cow-attach.times"
  if has_qemu_server; then
    sum_of "$life/qemu.sum" "$life/qemu-img.times" "$life/qemu-server.times"
  fi
  VENEER_ROOT=$state "$BENCH" catalog "$state" $((3 * rounds)) "$life/catalog.times"
}

# create_row NAME FILE
create_row() {
  printf '| %s | %s | %s | %s |\n' "$1" "$(ms "$(median "$2")")" "$(spread "$2")" \
    "$(ratio "$(median "$2")" "$(median "$life/create.times")")"
}

# shellcheck disable=SC2016 # the backquotes are Markdown
create_table() {
  local base peer way
  printf '\n### Create\n\n'
  printf 'A writable disk over a 2 GiB template, ready to be opened as a file. `veneer create` also syncs the\n'
  printf 'store, its name and its record in the catalog; the tools of qemu sync nothing. Whole\n'
  printf 'processes; medians of %s rounds, in each of which every way runs once.\n\n' "$((3 * rounds))"
  printf '| way | median | lowest – highest (ms) | against create |\n|---|---:|---:|---:|\n'
  create_row '`veneer create`' "$life/create.times"
  create_row '`veneer cow create` and `veneer cow attach`' "$life/cow.sum"
  if has_qemu_server; then
    create_row '`qemu-img create` and `qemu-storage-daemon`, FUSE' "$life/qemu.sum"
  fi
  for way in pause resume destroy; do create_row "\`veneer $way\`" "$life/$way.times"; done
  if has_qemu_server; then
    base=$(median "$life/create.times")
    peer=$(median "$life/qemu.sum")
    printf -- '\n- create against the tools of qemu: %s of their time, %s\n' "$(percent "$base" "$peer")" \
      "$(at_most "$(awk "BEGIN { print 100 * $base / $peer }")" 50 ' %')"
  else
    printf '\nqemu-storage-daemon is not installed (package qemu-system-common): not measured.\n'
  fi
}

# part_row NAME MILLISECONDS
part_row() { printf '| %s | %s | %s |\n' "$1" "$(fine_ms "$2")" "$(percent "$2" "$whole")"; }

# shellcheck disable=SC2016
create_parts() {
  local whole step column=0 known value
  local -A names=([store]='the store, made' [verify]='the template looked at'
    [attach]='the server started, until it shows the disk' [record]='the intent, recorded'
    [sync]='the syncs of store and record, as far as they took longer than that')
  whole=$(median "$life/create.times")
  printf '\nWhere the time of `veneer create` goes; the rest is the opening and closing of the catalog, the look\n'
  printf 'for what killed commands left, and the commit of the outcome.\n\n'
  printf '| part | median | |\n|---|---:|---:|\n'
  value=$(median "$life/start.times")
  part_row 'start of the program (`veneer --version`)' "$value"
  known=$value
  for step in store verify attach record sync; do
    column=$((column + 1))
    value=$(median "$life/create.steps" "$column")
    part_row "${names[$step]}" "$value"
    known=$(awk "BEGIN { print $known + $value }")
  done
  part_row 'the rest' "$(awk "BEGIN { print $whole - $known }")"
  printf '\nThe catalog for one create, by the library: opened in %s, the record added in %s and updated in\n' \
    "$(fine_ms "$(median "$life/catalog.times" 1)")" "$(fine_ms "$(median "$life/catalog.times" 2)")"
  printf '%s, closed in %s.\n' "$(fine_ms "$(median "$life/catalog.times" 3)")" \
    "$(fine_ms "$(median "$life/catalog.times" 4)")"
}

# Many that ask at once: in each round 50 creates, 10 at a time.
readonly creates=50 at_once=10

storm_rounds() {
  local round
  for ((round = 0; round < (rounds + 1) / 2; round++)); do
    # shellcheck disable=SC2016 # the expansions are for the inner shell
    VENEER_ROOT=$state VENEER_RUN=$work/run timed "$life/storm.whole" xargs -P "$at_once" -I{} \
      "$BENCH" measure "$life/storm.times" "$VENEER" --json create base --name storm-{} \
      < <(seq "$creates") >/dev/null
    destroy_running
  done
}

storm_table() {
  printf '\n### %s creates, %s at a time\n\n' "$creates" "$at_once"
  printf '| one create: median | 99 of 100 within | longest | all %s |\n|---:|---:|---:|---:|\n' "$creates"
  printf '| %s | %s | %s | %s |\n' "$(ms "$(median "$life/storm.times")")" \
    "$(ms "$(percentile "$life/storm.times" 99)")" "$(ms "$(highest "$life/storm.times" 1)")" \
    "$(ms "$(median "$life/storm.whole")")"
}

measure_sandboxes() {
  life=$work/xfs/life
  state=$life/state
  mkdir "$life"
  sandbox template import base "$template" >"$life/template.json"
  state_image=$state/templates/$(jq -r .id "$life/template.json").img
  printf '\n## Sandboxes\n\n'
  printf 'A state directory on XFS, in a file: a sync there is one of the file system below as well.\n'
  create_rounds
  create_table
  create_parts
  storm_rounds
  storm_table
  fork_table
  snapshot_table
  many_table
  destroy_running
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/kernel-guest sets the variables that are shared
# How long a disk takes to come and to go: against losetup and dmsetup, and among many.

readonly churn_live=20

# What a script does. Its store is a sparse file that the kernel makes a store of, and the loop
# device on the template is there already.
create_by_hand() {
  local store size
  store=$(losetup --find --show --direct-io=on "$work/peer.cow")
  size=$(blockdev --getsz "$1")
  dmsetup create peer --table "0 $size snapshot $1 $store PO 8"
  peer_loop=$store
}

remove_by_hand() {
  dmsetup remove peer
  losetup --detach "$peer_loop"
}

# origin_loop: prints a loop device on the template. Whoever did this by hand kept it in mind.
origin_loop() {
  local devices
  # No pipe to `head`: losetup would die of it.
  devices=$(losetup --associated "$work/template.img" --noheadings --output NAME)
  printf '%s\n' "${devices%%[[:space:]]*}"
}

churn_round() {
  local origin
  origin=$(origin_loop)
  truncate -s 2155880448 "$work/peer.cow"
  timed "$work/hand.create" create_by_hand "$origin"
  timed "$work/hand.remove" remove_by_hand
  rm "$work/peer.cow"
  "$VENEER" cow create "$work/command.cow" --origin "$work/template.img" >/dev/null
  timed "$work/command.create" attach_dm "$work/command.cow" "$work/template.img" command
  timed "$work/command.remove" detach_dm command
  rm "$work/command.cow"
  "$BENCH" time "$work" 0 3 "$work/library.times"
  "$BENCH" time "$work" "$small_change" 3 "$work/small.times"
  "$BENCH" bare "$work" 3 "$work/bare.times"
}

# Many at once: eight loops of a shell against eight threads of a process.
readonly crowd_workers=8 crowd_each=4

# crowd_create ORIGIN WORKER, crowd_remove WORKER: what one of the shells does.
crowd_create() {
  local number size store
  for ((number = 0; number < crowd_each; number++)); do
    store=$(losetup --find --show --direct-io=on "$work/crowd-$2-$number.cow")
    size=$(blockdev --getsz "$1")
    dmsetup create "crowd-$2-$number" --table "0 $size snapshot $1 $store PO 8"
    printf '%s\n' "$store" >"$work/crowd-$2-$number.loop"
  done
}

crowd_remove() {
  local number
  for ((number = 0; number < crowd_each; number++)); do
    dmsetup remove "crowd-$1-$number"
    losetup --detach "$(<"$work/crowd-$1-$number.loop")"
  done
}

# together COMMAND…: once for each worker, with its number behind it, all at the same time.
together() {
  local worker pid pids=()
  for ((worker = 0; worker < crowd_workers; worker++)); do
    "$@" "$worker" &
    pids+=("$!")
  done
  for pid in "${pids[@]}"; do wait "$pid"; done
}

crowd_round() {
  local origin worker number
  origin=$(origin_loop)
  for ((worker = 0; worker < crowd_workers; worker++)); do
    for ((number = 0; number < crowd_each; number++)); do
      truncate -s 2155880448 "$work/crowd-$worker-$number.cow"
    done
  done
  timed "$work/crowd-hand.create" together crowd_create "$origin"
  timed "$work/crowd-hand.remove" together crowd_remove
  rm "$work"/crowd-*-*.{cow,loop}
  "$BENCH" crowd "$work" 0 $((crowd_workers * crowd_each)) "$crowd_workers" "$work/crowd.times"
}

# split_times NAME: NAME.times has both verbs, a column each.
split_times() {
  cut -d' ' -f1 "$work/$1.times" >"$work/$1.create"
  cut -d' ' -f2 "$work/$1.times" >"$work/$1.remove"
}

measure_churn() {
  local round verb way
  "$BENCH" keep "$work" 0 "$churn_live"
  churn_round # the first of all meets programs that are not in memory yet
  rm "$work"/{hand,command}.{create,remove} "$work"/{library,small,bare}.times
  for ((round = 0; round < 3 * rounds; round++)); do churn_round; done
  for ((round = 0; round < rounds; round++)); do crowd_round; done
  "$BENCH" keep "$work" 0 0
  for way in library small bare crowd; do split_times "$way"; done
  for verb in create remove; do
    awk -v disks=$((crowd_workers * crowd_each)) '{ print $1 / disks }' "$work/crowd-hand.$verb" \
      >"$work/crowd-each.$verb"
  done
  churn_table
  crowd_table
}

# way_row NAME FILE BASE: create and remove, and how many times they take what BASE's do.
way_row() {
  local verb
  printf '| %s |' "$1"
  for verb in create remove; do
    printf ' %s | (%s) | %s |' "$(ms "$(median "$work/$2.$verb")")" "$(spread "$work/$2.$verb")" \
      "$(ratio "$(median "$work/$2.$verb")" "$(median "$work/$3.$verb")")"
  done
  printf '\n'
}

way_head() {
  printf '| way | create | | against the library | remove | | against the library |\n'
  printf '|---|---:|---|---:|---:|---|---:|\n'
}

# shellcheck disable=SC2016 # the backquotes are Markdown
churn_table() {
  local verb hand
  printf '\n### Create and remove a disk\n\n'
  printf 'A disk over a 2 GiB image, with a full-size store, while %s others are attached. The loop device of the\n' "$churn_live"
  printf 'image and the file of the store are there before: by hand a sparse file of zeros, else what\n'
  printf '`veneer cow create` makes. The library and the command look through the store, record what they do, and\n'
  printf 'sync the store when it is detached. The bare ioctls do none of that: they are the least that the kernel\n'
  printf 'takes for such a disk.\n\n'
  way_head
  way_row '`losetup`, `blockdev`, `dmsetup`: a process each' hand library
  way_row '`veneer cow attach`, `veneer cow detach`: one process each' command library
  way_row 'the library, in one process' library library
  way_row 'the bare ioctls' bare library
  way_row 'the library, with a store of 64 MiB' small library
  printf '\n'
  for verb in create remove; do
    hand=$(median "$work/hand.$verb")
    printf -- '- %s, the library against processes: %s, %s; the bare ioctls against them: %s\n' "$verb" \
      "$(ratio "$hand" "$(median "$work/library.$verb")")" \
      "$(verdict "$hand" "$(median "$work/library.$verb")" 15)" \
      "$(ratio "$hand" "$(median "$work/bare.$verb")")"
  done
}

crowd_table() {
  printf '\n### Many at once\n\n'
  printf 'The same, %s disks by %s workers at once; the time from the first to the last, for each disk. By hand\n' \
    "$((crowd_workers * crowd_each))" "$crowd_workers"
  printf 'a worker is a shell, in the library a thread.\n\n'
  way_head
  way_row 'by hand' crowd-each crowd
  way_row 'the library' crowd crowd
}

# measure_level MAX_CHANGE LIVE
measure_level() {
  "$BENCH" keep "$work" "$1" "$2"
  local round
  for ((round = 0; round < rounds; round++)); do
    "$BENCH" time "$work" "$1" 3 "$work/scale.$1.$2"
  done
}

measure_scale() {
  local levels=(10 100 500 1000) change level
  for change in 0 "$small_change"; do
    # Up and down again: what else the machine does hits each level twice, at different times.
    for level in "${levels[@]}" 500 100 10; do measure_level "$change" "$level"; done
    "$BENCH" keep "$work" 0 0
    say "  scale, stores that hold a change of $change: done"
  done
  scale_table "${levels[@]}"
}

scale_table() {
  local change level verb column few most
  local -A names=([0]='full size' [$small_change]='64 MiB') columns=([create]=1 [remove]=2)
  printf '\n### Among many\n\n'
  printf 'The same by the library, while so many others on the same image are attached.\n\n'
  printf '| store | verb |'
  printf ' %s |' "$@"
  printf '\n|---|---|---:|---:|---:|---:|\n'
  for change in 0 "$small_change"; do
    for verb in create remove; do
      column=${columns[$verb]}
      printf '| %s | %s |' "${names[$change]}" "$verb"
      for level in "$@"; do
        printf ' %s (%s) |' "$(ms "$(median "$work/scale.$change.$level" "$column")")" \
          "$(spread "$work/scale.$change.$level" "$column")"
      done
      printf '\n'
    done
  done
  printf '\n'
  for change in 0 "$small_change"; do
    few=$(median "$work/scale.$change.10")
    most=$(median "$work/scale.$change.1000")
    printf -- '- %s, create at 1000 against at 10: %s, %s\n' "${names[$change]}" \
      "$(ratio "$most" "$few")" "$(at_most "$(awk "BEGIN { print $most / $few }")" 1.5 ×)"
  done
}

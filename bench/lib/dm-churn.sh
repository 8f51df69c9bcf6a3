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

churn_round() {
  local origin
  # No pipe to `head`: losetup would die of it.
  origin=$(losetup --associated "$work/template.img" --noheadings --output NAME)
  origin=${origin%%[[:space:]]*}
  truncate -s 2155880448 "$work/peer.cow"
  timed "$work/hand.create" create_by_hand "$origin"
  timed "$work/hand.remove" remove_by_hand
  rm "$work/peer.cow"
  "$VENEER" cow create "$work/command.cow" --origin "$work/template.img" >/dev/null
  timed "$work/command.create" attach_dm "$work/command.cow" "$work/template.img" command
  timed "$work/command.remove" detach_dm command
  rm "$work/command.cow"
  "$BENCH" time "$work" 0 3 "$work/library.times"
}

measure_churn() {
  local round verb way
  "$BENCH" keep "$work" 0 "$churn_live"
  churn_round # the first of all meets programs that are not in memory yet
  rm "$work"/{hand,command}.{create,remove} "$work/library.times"
  for ((round = 0; round < 3 * rounds; round++)); do churn_round; done
  "$BENCH" keep "$work" 0 0
  cut -d' ' -f1 "$work/library.times" >"$work/library.create"
  cut -d' ' -f2 "$work/library.times" >"$work/library.remove"
  churn_table
}

# shellcheck disable=SC2016 # the backquotes are Markdown
churn_table() {
  local verb way hand ours
  local -A names=([hand]='`losetup`, `blockdev`, `dmsetup`: a process each'
    [command]='`veneer cow attach`, `veneer cow detach`: one process each'
    [library]='the library, in one process')
  printf '\n### Create and remove a disk\n\n'
  printf 'A disk over a 2 GiB image, with a full-size store, while %s others are attached. The store is there\n' "$churn_live"
  printf 'before: by hand a sparse file of zeros, else what `veneer cow create` makes. The library and the command\n'
  printf 'look through it and record what they do.\n\n'
  printf '| way | create | | against the library | remove | | against the library |\n'
  printf '|---|---:|---|---:|---:|---|---:|\n'
  for way in hand command library; do
    printf '| %s |' "${names[$way]}"
    for verb in create remove; do
      printf ' %s | (%s) | %s |' "$(ms "$(median "$work/$way.$verb")")" "$(spread "$work/$way.$verb")" \
        "$(ratio "$(median "$work/$way.$verb")" "$(median "$work/library.$verb")")"
    done
    printf '\n'
  done
  printf '\n'
  for verb in create remove; do
    hand=$(median "$work/hand.$verb")
    ours=$(median "$work/library.$verb")
    printf -- '- %s, the library against processes: %s, %s\n' "$verb" "$(ratio "$hand" "$ours")" \
      "$(verdict "$hand" "$ours" 15)"
  done
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

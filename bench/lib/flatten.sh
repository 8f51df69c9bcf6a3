# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# Flatten against the ways to do it without Veneer, and its memory.

# The output of each way is durable when it ends: flatten syncs, dd has conv=fsync, qemu-img is
# followed by sync.
readonly ways=(flatten dd dd-sparse qemu-img)

# command_of WAY DIR DEVICE OUT: sets `command`.
# shellcheck disable=SC2016 # the expansions are for the inner shell
command_of() {
  local directory=$2 device=$3 out=$4
  case $1 in
    flatten) command=("$VENEER" cow flatten "$directory/disk.cow" --origin "$directory/template.img"
      --output "$out" --json) ;;
    dd) command=(dd "if=$device" "of=$out" bs=1M conv=fsync status=none) ;;
    dd-sparse) command=(dd "if=$device" "of=$out" bs=1M "conv=sparse,fsync" status=none) ;;
    qemu-img) command=(sh -c 'qemu-img convert -f raw -O raw "$1" "$2" && sync "$2"' sh
      "$directory/disk" "$out") ;;
  esac
}

# one_round DIR DEVICE CACHE: each way once. CACHE: warm, cold, or none (not recorded).
one_round() {
  local directory=$1 device=$2 cache=$3 way out=$1/out.img
  for way in "${ways[@]}"; do
    rm -f "$out"
    sync -f "$directory"
    [[ $cache != cold ]] || drop_caches
    command_of "$way" "$directory" "$device" "$out"
    "$BENCH" measure "$directory/$way.$cache.times" "${command[@]}" >/dev/null
    [[ $cache != none ]] || compare "$way" "$device" "$out"
  done
  rm -f "$out"
}

# All ways must give the same image, or there is nothing to compare.
compare() {
  cmp --silent "$2" "$3" && return
  echo "bench: the image that $1 made differs from the device" >&2
  exit 1
}

# prepare_store DIR ORIGIN STORE: a store with about 230 MB in about 1,000 runs.
prepare_store() {
  "$VENEER" cow create "$2" --origin "$1" >/dev/null
  "$BENCH" write "$2" "$1" 1000 230000000 1
}

flatten_on() {
  local kind=$1 directory=$work/$1/flatten device caches=(warm) round cache
  mkdir "$directory"
  cp --sparse=always "$template" "$directory/template.img"
  prepare_store "$directory/template.img" "$directory/disk.cow"
  note_attached "$directory/disk"
  device=$(attach "$directory/disk.cow" "$directory/template.img" "$directory/disk" \
    --block --read-only)
  if drop_caches; then caches+=(cold); fi
  one_round "$directory" "$device" none
  for cache in "${caches[@]}"; do
    for ((round = 0; round < rounds; round++)); do one_round "$directory" "$device" "$cache"; done
  done
  detach "$directory/disk"
  flatten_table "$kind" "$directory" "${caches[@]}"
}

# shellcheck disable=SC2016 # the backquotes are Markdown
flatten_table() {
  local kind=$1 directory=$2 cache way base times info goal
  shift 2
  info=$("$VENEER" cow flatten "$directory/disk.cow" --origin "$directory/template.img" \
    --output "$directory/out.img" --json)
  rm -f "$directory/out.img"
  goal=4
  [[ $kind != xfs ]] || goal=100
  printf '\n### %s\n\n' "$kind"
  printf '%s MB changed in %s runs; flatten took the method `%s`.\n\n' \
    "$(jq '.changed_bytes / 1e6 | round' <<<"$info")" "$(jq .runs <<<"$info")" \
    "$(jq -r .method <<<"$info")"
  printf '| cache | way | median | lowest – highest (ms) | against flatten | peak memory |\n'
  printf '|---|---|---:|---:|---:|---:|\n'
  for cache in "$@"; do
    base=$(median "$directory/flatten.$cache.times")
    for way in "${ways[@]}"; do
      times=$directory/$way.$cache.times
      printf '| %s | %s | %s | %s | %s | %s MiB |\n' "$cache" "$way" "$(ms "$(median "$times")")" \
        "$(spread "$times")" "$(ratio "$(median "$times")" "$base")" \
        "$(($(highest "$times" 2) / 1024))"
    done
  done
  printf '\n'
  for cache in "$@"; do
    printf -- '- %s cache, flatten against dd: %s\n' "$cache" \
      "$(verdict "$(median "$directory/dd.$cache.times")" \
        "$(median "$directory/flatten.$cache.times")" "$goal")"
  done
}

# memory_on KIND SIZE: one row of the table of peak memory.
memory_on() {
  local kind=$1 size=$2 directory=$work/$1/memory times=$work/memory.times
  mkdir "$directory"
  truncate -s "$size" "$directory/template.img"
  prepare_store "$directory/template.img" "$directory/disk.cow"
  rm -f "$times"
  "$BENCH" measure "$times" "$VENEER" cow flatten "$directory/disk.cow" \
    --origin "$directory/template.img" --output "$directory/out.img" --json >"$work/memory.json"
  printf '| %s | %s | %s | %.1f MiB | %s |\n' "$kind" "$size" "$(jq -r .method "$work/memory.json")" \
    "$(awk '{ print $2 / 1024 }' "$times")" "$(ms "$(median "$times")")"
  rm -rf -- "$directory"
}

memory_table() {
  local kind size
  printf '\n## Memory of flatten\n\nThe same change in sparse images of different sizes. Goal: under 64 MiB.\n\n'
  printf '| file system | image | method | peak memory | time |\n|---|---:|---|---:|---:|\n'
  for kind in xfs ext4; do
    for size in 2G 64G 1T; do memory_on "$kind" "$size"; done
  done
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/kernel-guest sets the variables that are shared
# The kernel's memory for a disk, by what is no longer available while disks are attached.

readonly memory_disks=100
readonly copy_kib=16
readonly io_reserve=4

# available: prints the MiB that are, without caches that can go.
available() {
  sync
  # The second time finds what the first has let go.
  echo 3 >/proc/sys/vm/drop_caches
  echo 3 >/proc/sys/vm/drop_caches
  awk '/MemAvailable/ { print $2 / 1024 }' /proc/meminfo
}

# memory_since MIB: prints the MiB for each disk that is there now and was not then.
memory_since() {
  awk -v before="$1" -v now="$(available)" -v disks="$memory_disks" \
    'BEGIN { printf "%.3f\n", (before - now) / disks }'
}

# memory_round NAME MAX_CHANGE: with the disks new, in memory.NAME, and grown, in memory.NAME-grown.
memory_round() {
  local before
  "$BENCH" forget-loops
  before=$(available)
  "$BENCH" keep "$work" "$2" "$memory_disks"
  memory_since "$before" >>"$work/memory.$1"
  "$BENCH" grow "$work"
  memory_since "$before" >>"$work/memory.$1-grown"
  "$BENCH" keep "$work" 0 0
}

# Each disk reserves the memory of the largest piece that the kernel copies at once, 512 KiB unless
# the host says otherwise; a chunk of 4 KiB is copied as such. And twice so many pieces of I/O, 16
# unless the host says otherwise, of 4 KiB each.
readonly dm_settings=/sys/module/dm_mod/parameters

# with_setting NAME VALUE COMMAND…
with_setting() {
  local setting=$dm_settings/$1 value=$2 before
  shift 2
  before=$(<"$setting")
  echo "$value" >"$setting"
  "$@"
  echo "$before" >"$setting"
}

memory_with_small_copies() {
  with_setting kcopyd_subjob_size_kb "$copy_kib" memory_round "$@"
}

memory_with_small_reserves() {
  with_setting reserved_bio_based_ios "$io_reserve" memory_with_small_copies "$@"
}

measure_memory() {
  local round count=3
  # The first disks of all bring modules and caches along.
  "$BENCH" keep "$work" 0 4
  "$BENCH" keep "$work" 0 0
  for ((round = 0; round < count; round++)); do
    memory_round full 0
    memory_round small "$small_change"
    memory_with_small_copies copies "$small_change"
    memory_with_small_reserves reserves "$small_change"
    memory_with_small_reserves full-reserves 0
  done
  memory_table
}

memory_row() { printf '| %s | %.2f MiB | (%s) |\n' "$1" "$(median "$2")" "$(mib_spread "$2")"; }

mib_spread() {
  sort -g "$1" | awk 'NR == 1 { low = $1 } { high = $1 } END { printf "%.2f – %.2f", low, high }'
}

# shellcheck disable=SC2016 # the backquotes are Markdown
memory_table() {
  printf '\n### Kernel memory of a disk\n\n'
  printf 'What %s disks over a 2 GiB image took of MemAvailable, for each: the snapshot, its loop device, its\n' "$memory_disks"
  printf 'kernel threads and its open files, with caches dropped. The tables of a snapshot keep the size that they\n'
  printf 'have when it is attached. `copies`: with `kcopyd_subjob_size_kb` of dm_mod at %s instead of 512, which\n' "$copy_kib"
  printf '`veneer doctor` advises; `reserves`: with its `reserved_bio_based_ios` at %s instead of 16, too.\n\n' "$io_reserve"
  printf '| store | memory | |\n|---|---:|---|\n'
  memory_row 'full size' "$work/memory.full"
  memory_row '64 MiB' "$work/memory.small"
  memory_row '64 MiB, grown to full size while attached' "$work/memory.small-grown"
  memory_row '64 MiB, `copies`' "$work/memory.copies"
  memory_row '64 MiB, `copies`, `reserves`' "$work/memory.reserves"
  memory_row 'full size, `copies`, `reserves`' "$work/memory.full-reserves"
  printf '\n'
  printf -- '- 64 MiB: %s\n' "$(at_most "$(median "$work/memory.small")" 0.75 ' MiB')"
  printf -- '- 64 MiB, `copies`: %s\n' "$(at_most "$(median "$work/memory.copies")" 0.75 ' MiB')"
}

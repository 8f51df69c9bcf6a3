# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/kernel-guest sets the variables that are shared
# Flatten against dd of the device, and fio through the device against a bare loop device.

# make_image FILE: 2 GiB with about 500 MB in use.
make_image() {
  truncate -s "$image_size" "$1"
  "$BENCH" scatter "$1" 2000 500000000 2
}

flatten_round() {
  local directory=$work/flatten
  rm -f "$directory/dd.img" "$directory/out.img"
  attach_dm "$directory/disk.cow" "$directory/template.img" flat
  drop_caches
  timed "$work/dd.times" dd if=/dev/mapper/veneer-flat of="$directory/dd.img" bs=1M conv=fsync \
    status=none
  detach_dm flat
  drop_caches
  timed "$work/flatten.times" "$VENEER" cow flatten "$directory/disk.cow" \
    --origin "$directory/template.img" --output "$directory/out.img" --json >"$work/flatten.json"
}

measure_flatten() {
  local round directory=$work/flatten
  mkdir "$directory"
  make_image "$directory/template.img"
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/template.img" >/dev/null
  attach_dm "$directory/disk.cow" "$directory/template.img" flat
  "$BENCH" scatter /dev/mapper/veneer-flat 1000 230000000 1
  detach_dm flat
  for ((round = 0; round < (rounds + 1) / 3; round++)); do
    flatten_round
    say "  flatten: round $((round + 1))"
  done
  if ! cmp --silent "$directory/dd.img" "$directory/out.img"; then
    say 'bench: the image that flatten made differs from the device'
    exit 1
  fi
  rm -rf -- "$directory"
  flatten_table
}

# shellcheck disable=SC2016 # the backquotes are Markdown
flatten_table() {
  local way
  printf '\n### Flatten\n\n'
  printf 'A 2 GiB image with about 500 MB in use; through the device %s MB were changed in %s runs. Then `veneer\n' \
    "$(jq '.changed_bytes / 1e6 | round' "$work/flatten.json")" "$(jq .runs "$work/flatten.json")"
  printf 'cow flatten` of the detached disk (method `%s`), and `dd bs=1M conv=fsync` of the attached one. The\n' \
    "$(jq -r .method "$work/flatten.json")"
  printf 'page cache is dropped before each, and the images are the same.\n\n'
  printf '| way | time | | against flatten |\n|---|---:|---|---:|\n'
  for way in flatten dd; do
    printf '| %s | %s | (%s) | %s |\n' "$way" "$(ms "$(median "$work/$way.times")")" \
      "$(spread "$work/$way.times")" \
      "$(ratio "$(median "$work/$way.times")" "$(median "$work/flatten.times")")"
  done
  printf '\n- flatten against dd: %s\n' \
    "$(verdict "$(median "$work/dd.times")" "$(median "$work/flatten.times")" 20)"
}

readonly io_cells=('randwrite 1' 'randwrite 32' 'randread 1' 'randread 32')

# io_cell ROW TARGET RW DEPTH [OPTION…]
io_cell() {
  local row=$1
  shift
  run_fio "$@" --size=512m >>"$work/io.$row.$2.$3"
}

# A new disk for each: what it meets was never written.
io_fresh() {
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/template.img" >/dev/null
  attach_dm "$directory/disk.cow" "$directory/template.img" io
  io_cell fresh /dev/mapper/veneer-io "$@"
  detach_dm io
  rm "$directory/disk.cow"
}

io_round() {
  local directory=$1 loop=$2 cell
  for cell in "${io_cells[@]}"; do
    # shellcheck disable=SC2086 # RW DEPTH
    io_cell loop "$loop" $cell
    # shellcheck disable=SC2086
    io_fresh $cell
  done
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/template.img" >/dev/null
  attach_dm "$directory/disk.cow" "$directory/template.img" io
  dd if=/dev/zero of=/dev/mapper/veneer-io bs=1M count=512 oflag=direct status=none
  for cell in "${io_cells[@]}"; do
    # shellcheck disable=SC2086
    io_cell changed /dev/mapper/veneer-io $cell
  done
  detach_dm io
  rm "$directory/disk.cow"
}

measure_io() {
  local directory=$work/io loop round
  mkdir "$directory"
  make_image "$directory/template.img"
  # Whole, like the chunks of a store that are there.
  dd if=/dev/zero of="$directory/plain.img" bs=1M count=512 conv=fsync status=none
  loop=$(losetup --find --show --direct-io=on "$directory/plain.img")
  for ((round = 0; round < (rounds + 2) / 4; round++)); do io_round "$directory" "$loop"; done
  losetup --detach "$loop"
  rm -rf -- "$directory"
  io_table_dm
}

io_row_dm() {
  local row=$1 cell rw depth base value
  printf '| %s |' "$2"
  for cell in "${io_cells[@]}"; do
    read -r rw depth <<<"$cell"
    base=$(median "$work/io.loop.$rw.$depth")
    value=$(median "$work/io.$row.$rw.$depth")
    printf ' %s | %s |' "$(kilo "$value")" "$(percent "$value" "$base")"
  done
  printf '\n'
}

io_table_dm() {
  printf '\n### 4 KiB random I/O\n\n'
  printf 'Operations a second on 512 MiB; fio with libaio and direct I/O, %s s each, rounds: %s. Beside\n' \
    "$seconds" "$(((rounds + 2) / 4))"
  printf 'each its part of what the bare loop device does. A first write takes a commit of the exceptions. What was not\n'
  printf 'written yet is read from the template, through the page cache that all disks share.\n\n'
  printf '| disk | write, QD1 | | write, QD32 | | read, QD1 | | read, QD32 | |\n'
  printf '|---|---:|---:|---:|---:|---:|---:|---:|---:|\n'
  io_row_dm loop 'loop device on a plain file, direct'
  io_row_dm fresh 'veneer, chunks that were never written'
  io_row_dm changed 'veneer, chunks that were written before'
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# The engine's throughput: fio with 4 KiB blocks on an attached disk, beside its peers.

# run_fio TARGET RW DEPTH: prints the I/O operations a second.
run_fio() {
  fio --name=bench --filename="$1" --rw="$2" --iodepth="$3" --bs=4k --ioengine=libaio --direct=1 \
    --size=1g --time_based --runtime="$seconds" --randrepeat=1 --allow_file_create=0 \
    --output-format=json --output="$work/fio.json"
  case $2 in
    *read) jq '.jobs[0].read.iops' "$work/fio.json" ;;
    *) jq '.jobs[0].write.iops' "$work/fio.json" ;;
  esac
}

# io_row NAME TARGET: first writes meet chunks that were never written, as in a new sandbox.
io_row() {
  printf '| %s |' "$1"
  local rw depth
  for rw in randwrite randread; do
    for depth in 1 32; do printf ' %s |' "$(kilo "$(run_fio "$2" "$rw" "$depth")")"; done
  done
  printf '\n'
}

plain_file() {
  cp --reflink=never --sparse=never "$template" "$directory/plain.img"
  io_row 'plain file, no copy-on-write (the upper bound)' "$directory/plain.img"
  rm "$directory/plain.img"
}

# engine NAME [OPTION…]: a fresh sandbox disk.
engine() {
  local name=$1 target
  shift
  "$VENEER" cow create "$directory/disk.cow" --origin "$template" >/dev/null
  note_attached "$directory/disk"
  target=$(attach "$directory/disk.cow" "$template" "$directory/disk" "$@")
  io_row "$name" "$target"
  detach "$directory/disk"
  rm "$directory/disk.cow"
}

qemu_fuse() {
  local pid
  qemu-img create -q -f qcow2 -F raw -b "$template" "$directory/overlay.qcow2"
  : >"$directory/qemu.disk"
  qemu-storage-daemon --daemonize --pidfile "$work/qsd.pid" \
    --blockdev "driver=file,node-name=file,filename=$directory/overlay.qcow2" \
    --blockdev driver=qcow2,node-name=disk,file=file \
    --export "type=fuse,id=fuse,node-name=disk,mountpoint=$directory/qemu.disk,writable=on"
  pid=$(<"$work/qsd.pid")
  processes+=("$pid")
  io_row 'qemu-storage-daemon, qcow2 overlay, FUSE' "$directory/qemu.disk"
  end_process "$pid"
  processes=()
}

io_table() {
  directory=$work/xfs/io
  mkdir "$directory"
  printf '\n## 4 KiB random I/O\n\nOperations a second on a new overlay over the 2 GiB image, on XFS; fio, direct I/O, libaio,\n'
  printf '%s s each, queue depth 1 and 32.\n\n' "$seconds"
  printf '| disk | write, QD1 | write, QD32 | read, QD1 | read, QD32 |\n|---|---:|---:|---:|---:|\n'
  plain_file
  engine 'veneer, FUSE file'
  engine 'veneer, loop device on it' --block
  if command -v qemu-storage-daemon >/dev/null; then
    qemu_fuse
  else
    printf '\nqemu-storage-daemon is not installed (package qemu-system-common): not measured.\n'
  fi
}

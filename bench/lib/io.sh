# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# The engine's throughput: fio with 4 KiB blocks on an attached disk, beside its peers.

# io_row NAME TARGET [OPTION…]: first writes meet chunks that were never written, as in a new
# sandbox.
io_row() {
  local name=$1 target=$2 rw depth
  shift 2
  printf '| %s |' "$name"
  for rw in randwrite randread; do
    for depth in 1 32; do printf ' %s |' "$(kilo "$(run_fio "$target" "$rw" "$depth" "$@")")"; done
  done
  printf ' %s |\n' "$(kilo "$(run_fio "$target" randwrite 1 --fsync=1 "$@")")"
}

plain_file() {
  cp --reflink=never --sparse=never "$template" "$directory/plain.img"
  # This one first: direct I/O throws the file's cached pages away.
  io_row 'plain file, through the page cache' "$directory/plain.img" --direct=0
  io_row 'plain file, direct' "$directory/plain.img"
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
  printf '\n## 4 KiB random I/O\n\nOperations a second on a new overlay over the 2 GiB image, on XFS; fio with libaio and direct\n'
  printf 'I/O on the disk, %s s each. Veneer and qemu keep the image and the overlay in the page cache\n' "$seconds"
  printf 'of the host, like a disk with a write cache; the last column flushes after every write.\n\n'
  printf '| disk | write, QD1 | write, QD32 | read, QD1 | read, QD32 | write and flush |\n'
  printf '|---|---:|---:|---:|---:|---:|\n'
  plain_file
  engine 'veneer, FUSE file'
  engine 'veneer, loop device on it' --block
  if command -v qemu-storage-daemon >/dev/null; then
    qemu_fuse
  else
    printf '\nqemu-storage-daemon is not installed (package qemu-system-common): not measured.\n'
  fi
}

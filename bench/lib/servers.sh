# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# What the server of a disk costs while nobody uses it: memory, and its start, with nothing changed and
# with 1 GiB changed out of 64 GiB.

# start_server AT [OPTION…]: attaches the store under test, sets $server to the pid.
start_server() {
  local at=$1
  shift
  note_attached "$at"
  "$BENCH" measure "$work/servers.start" "$VENEER" cow attach "$directory/disk.cow" \
    --origin "$directory/origin.img" --at "$at" --run "$work/run" "$@" >/dev/null
  server=$(jq .pid "$work"/run/disks/*.json)
}

# server_row TEXT EXPORT: of the store under test. Sets $server_mib, its private memory.
server_row() {
  local round changed
  rm -f "$work"/servers.{start,private,cpu}
  for ((round = 0; round < rounds; round++)); do
    start_server "$directory/disk" --export "$2"
    private_mib "$server" >>"$work/servers.private"
    cpu_seconds "$server" >>"$work/servers.cpu"
    detach "$directory/disk"
  done
  server_mib=$(median "$work/servers.private")
  changed=$("$VENEER" cow info "$directory/disk.cow" --json | jq .exceptions)
  printf '| %s, %s | %s | %.1f MiB | %s | %s | %s |\n' "$1" "${2^^}" "$changed" "$server_mib" \
    "$(awk -v mib="$server_mib" -v base="${server_base[$2]:-0}" -v changed="$changed" \
      'BEGIN { if (changed && base) printf "%.1f bytes", (mib - base) * 1048576 / changed }')" \
    "$(ms "$(median "$work/servers.start")")" "$(awk -v s="$(median "$work/servers.cpu")" 'BEGIN { printf "%.0f ms", 1000 * s }')"
}

# written_row EXPORT: the same by a server that was there while it was written.
written_row() {
  local target changed
  rm "$directory/disk.cow"
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/origin.img" >/dev/null
  note_attached "$directory/disk"
  # shellcheck disable=SC2034 # what fio_cell opens
  target=$(attach "$directory/disk.cow" "$directory/origin.img" "$directory/disk" --export "$1")
  server=$(jq .pid "$work"/run/disks/*.json)
  fio_cell '--rw=randwrite --bs=4k --iodepth=32 --io_size=1g --fsync=4096 --end_fsync=1' .jobs[0].write.iops \
    >/dev/null
  server_mib=$(private_mib "$server")
  detach "$directory/disk"
  changed=$("$VENEER" cow info "$directory/disk.cow" --json | jq .exceptions)
  printf '| written meanwhile at random, %s | %s | %.1f MiB | %s | | |\n' "${1^^}" "$changed" "$server_mib" \
    "$(awk -v mib="$server_mib" -v base="${server_base[$1]}" -v changed="$changed" \
      'BEGIN { printf "%.1f bytes", (mib - base) * 1048576 / changed }')"
}

# shellcheck disable=SC2016 # the backquotes are Markdown
servers_table() {
  local way server_mib
  local -A server_base=()
  directory=$work/xfs/servers
  mkdir "$directory"
  truncate -s 64G "$directory/origin.img"
  printf '\n## The server of a disk\n\nA disk of 64 GiB, on XFS; private memory of its server. Start: the whole `veneer cow attach`, on a warm\n'
  printf 'cache, until the disk is there. Its CPU: the server alone, to the end of its start. Medians of %s.\n\n' "$rounds"
  printf '| store | changed chunks | private memory | above an empty one, a chunk | start | CPU of the server |\n'
  printf '|---|---:|---:|---:|---:|---:|\n'
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/origin.img" >/dev/null
  for way in fuse nbd; do
    server_row 'nothing changed' "$way"
    server_base[$way]=$server_mib
  done
  "$BENCH" write "$directory/disk.cow" "$directory/origin.img" 16 1073741824 1
  for way in fuse nbd; do server_row '1 GiB in 16 runs' "$way"; done
  rm "$directory/disk.cow"
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/origin.img" >/dev/null
  "$BENCH" write "$directory/disk.cow" "$directory/origin.img" 262144 1073741824 1
  for way in fuse nbd; do server_row '1 GiB in chunks everywhere' "$way"; done
  for way in fuse nbd; do written_row "$way"; done
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# What the server of a disk costs while nobody uses it: memory, and its start, with nothing changed and
# with 1 GiB changed out of 64 GiB; and its memory when all of that was written while it was there.

# start_server AT [OPTION…]: attaches the store under test, sets $server to the pid.
start_server() {
  local at=$1
  shift
  note_attached "$at"
  "$BENCH" measure "$work/servers.start" "$VENEER" cow attach "$directory/disk.cow" \
    --origin "$directory/origin.img" --at "$at" --run "$work/run" "$@" >/dev/null
  server=$(jq .pid "$work"/run/disks/*.json)
}

# look_at_server: sets $mib, its private memory, and $changed, the chunks that are in the store.
look_at_server() {
  mib=$(private_mib "$server")
  changed=$("$VENEER" cow info "$directory/disk.cow" --json | jq .exceptions)
}

# bytes_a_chunk MIB MIB CHUNKS: between the two, rounded; kept in servers.bytes.
bytes_a_chunk() {
  awk -v more="$1" -v less="$2" -v chunks="$3" \
    'BEGIN { printf "%.2f\n", (more - less) * 1048576 / chunks }' | tee -a "$work/servers.bytes"
}

# server_row TEXT EXPORT: of the store under test.
server_row() {
  local round mib changed bytes=''
  rm -f "$work"/servers.{start,private,cpu}
  for ((round = 0; round < rounds; round++)); do
    start_server "$directory/disk" --export "$2"
    look_at_server
    echo "$mib" >>"$work/servers.private"
    cpu_seconds "$server" >>"$work/servers.cpu"
    detach "$directory/disk"
  done
  mib=$(median "$work/servers.private")
  if ((changed == 0)); then
    server_base[$2]=$mib
    echo "$mib" >>"$work/servers.idle"
  else
    bytes="$(bytes_a_chunk "$mib" "${server_base[$2]}" "$changed") bytes"
    median "$work/servers.start" >>"$work/servers.starts"
  fi
  printf '| %s, %s | %s | %.1f MiB | %s | %s | %s |\n' "$1" "${2^^}" "$changed" "$mib" "$bytes" \
    "$(ms "$(median "$work/servers.start")")" "$(awk -v s="$(median "$work/servers.cpu")" 'BEGIN { printf "%.0f ms", 1000 * s }')"
}

# written_rows EXPORT: of a new store that is written to at random. What the first 16 MiB take is mostly the
# threads and their buffers, once: a chunk is counted from there on.
written_rows() {
  local target size mib changed bytes='' mib_before='' changed_before=''
  rm "$directory/disk.cow"
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/origin.img" >/dev/null
  note_attached "$directory/disk"
  # shellcheck disable=SC2034 # what fio_cell opens
  target=$(attach "$directory/disk.cow" "$directory/origin.img" "$directory/disk" --export "$1")
  server=$(jq .pid "$work"/run/disks/*.json)
  for size in 16 1024; do
    fio_cell "--rw=randwrite --bs=4k --iodepth=32 --io_size=${size}m --fsync=4096 --end_fsync=1" \
      .jobs[0].write.iops >/dev/null
    look_at_server
    if [[ -n $mib_before ]]; then
      bytes="$(bytes_a_chunk "$mib" "$mib_before" $((changed - changed_before))) bytes"
    fi
    printf '| %s MiB written meanwhile at random, %s | %s | %.1f MiB | %s | | |\n' \
      "$size" "${1^^}" "$changed" "$mib" "$bytes"
    mib_before=$mib changed_before=$changed
  done
  detach "$directory/disk"
}

# shellcheck disable=SC2016 # the backquotes are Markdown
servers_table() {
  local way
  local -A server_base=()
  rm -f "$work"/servers.{bytes,idle,starts}
  directory=$work/xfs/servers
  mkdir "$directory"
  truncate -s 64G "$directory/origin.img"
  printf '\n## The server of a disk\n\nA disk of 64 GiB, on XFS; private memory of its server. Start: the whole `veneer cow attach`, on a warm\n'
  printf 'cache, until the disk is there. Its CPU: the server alone, to the end of its start. Medians of %s. A chunk:\n' "$rounds"
  printf 'above a server of an empty store; where it was written meanwhile, above the same server after 16 MiB.\n\n'
  printf '| store | changed chunks | private memory | a chunk | start | CPU of the server |\n'
  printf '|---|---:|---:|---:|---:|---:|\n'
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/origin.img" >/dev/null
  for way in fuse nbd; do server_row 'nothing changed' "$way"; done
  "$BENCH" write "$directory/disk.cow" "$directory/origin.img" 16 1073741824 1
  for way in fuse nbd; do server_row '1 GiB in 16 runs' "$way"; done
  rm "$directory/disk.cow"
  "$VENEER" cow create "$directory/disk.cow" --origin "$directory/origin.img" >/dev/null
  "$BENCH" write "$directory/disk.cow" "$directory/origin.img" 262144 1073741824 1
  for way in fuse nbd; do server_row '1 GiB in chunks everywhere' "$way"; done
  for way in fuse nbd; do written_rows "$way"; done
  printf '\n- the most a changed chunk takes: %s\n' "$(at_most "$(highest "$work/servers.bytes" 1)" 8 ' bytes')"
  printf -- '- an idle server: %s\n' "$(at_most "$(highest "$work/servers.idle" 1)" 8 ' MiB')"
  printf -- '- start with 1 GiB changed: %s\n' "$(at_most "$(highest "$work/servers.starts" 1)" 100 ' ms')"
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run sets the variables that are shared
# The engine against its transports: the same 4 KiB and 1 MiB requests through servers that do no
# copy-on-write at all, through its peers, and through Veneer, all on one file system.

# Milliseconds that all requests of a replay took.
readonly replay_ms='[.jobs[0] | (.read, .write, .sync).lat_ns | .mean * .N] | add / 1e6'

# What is measured, in this order: a name, fio's options, and the field of the answer.
#   boot          what a guest asked of its disk at boot, one after the other; the milliseconds of all
#   0 – 1.5 GiB   first writes at random, far apart; then half a GiB is filled, rewritten and read at random
#   1 – 2 GiB     sequential reads, and writes into its second half
readonly transport_cells=(
  "boot|--read_iolog=$here/boot.iolog REPLAY|$replay_ms"
  'first32|--rw=randwrite --bs=4k --iodepth=32 --size=1g --io_size=192m|.jobs[0].write.iops'
  'first1|--rw=randwrite --bs=4k --iodepth=1 --offset=1g --size=512m --io_size=48m|.jobs[0].write.iops'
  'seqwrite|--rw=write --bs=1m --iodepth=32 --offset=1536m --size=512m|.jobs[0].write.bw'
  'fill|--rw=write --bs=1m --iodepth=8 --size=512m|.jobs[0].write.bw'
  'rewrite32|--rw=randwrite --bs=4k --iodepth=32 --size=512m TIMED|.jobs[0].write.iops'
  'rewrite1|--rw=randwrite --bs=4k --iodepth=1 --size=512m TIMED|.jobs[0].write.iops'
  'read32|--rw=randread --bs=4k --iodepth=32 --size=1g TIMED|.jobs[0].read.iops'
  'read1|--rw=randread --bs=4k --iodepth=1 --size=1g TIMED|.jobs[0].read.iops'
  'seqread|--rw=read --bs=1m --iodepth=32 --offset=1g --size=1g TIMED|.jobs[0].read.bw'
  'mixed|--rw=randrw --bs=4k --iodepth=32 --fsync=32 --size=512m TIMED|.jobs[0].write.iops'
)
readonly -A transport_names=(
  [memory]='nbdkit memory' [file]='nbdkit file, raw' [cow]='nbdkit file, cow filter'
  [qcow2-nbd]='qemu-storage-daemon, qcow2, NBD' [veneer-nbd]='**veneer, NBD**'
  [raw]='raw file, direct' [qcow2-fuse]='qemu-storage-daemon, qcow2, FUSE'
  [veneer-fuse]='**veneer, FUSE**' [veneer-loop]='**veneer, loop device on FUSE**'
)

# start_nbdkit ARGUMENT…: leaves its pid in $server and its address in $target.
start_nbdkit() {
  local socket=$directory/nbdkit.sock
  rm -f "$socket"
  # In a session of its own, as the other servers: the kernel shares out CPUs by session.
  setsid nbdkit --foreground --threads 16 --unix "$socket" "$@" &
  server=$!
  processes+=("$server")
  target="nbd+unix:///?socket=$socket"
  wait_for_socket "$socket"
}

# wait_for_socket PATH: until somebody listens there, 20 s at most.
wait_for_socket() {
  local try
  for ((try = 0; try < 400; try++)); do
    nbdinfo --size "nbd+unix:///?socket=$1" >/dev/null 2>&1 && return
    sleep 0.05
  done
  echo "bench: nobody listens at $1" >&2
  return 1
}

# start_qemu nbd|fuse
start_qemu() {
  local way
  rm -f "$directory/overlay.qcow2"
  qemu-img create -q -f qcow2 -F raw -b "$template" "$directory/overlay.qcow2"
  case $1 in
    nbd)
      target="nbd+unix:///disk?socket=$directory/qemu.sock"
      way="type=nbd,id=out,node-name=disk,name=disk,writable=on"
      set -- --nbd-server "addr.type=unix,addr.path=$directory/qemu.sock"
      ;;
    fuse)
      target=$directory/qemu.disk
      : >"$target"
      way="type=fuse,id=out,node-name=disk,mountpoint=$target,writable=on"
      set --
      ;;
  esac
  qemu-storage-daemon --daemonize --pidfile "$work/qsd.pid" "$@" \
    --blockdev "driver=file,node-name=file,filename=$directory/overlay.qcow2" \
    --blockdev driver=qcow2,node-name=disk,file=file --export "$way"
  server=$(<"$work/qsd.pid")
  processes+=("$server")
}

# start_veneer [OPTION…]
start_veneer() {
  at=$directory/veneer.disk
  rm -f "$directory/disk.cow"
  "$VENEER" cow create "$directory/disk.cow" --origin "$template" >/dev/null
  target=$(attach "$directory/disk.cow" "$template" "$at" "$@")
  server=$(jq .pid "$work"/run/disks/*.json)
}

# start_way WAY: sets $target (what fio opens), $server (a pid, or nothing) and $at (to be detached).
start_way() {
  server='' at=''
  case $1 in
    memory)
      start_nbdkit memory 2G
      nbdcopy "$template" "$target"
      ;;
    file | cow | raw)
      cp --reflink=never --sparse=never "$template" "$directory/plain.img"
      target=$directory/plain.img
      [[ $1 == raw ]] || start_nbdkit file "$target" ${COW_FILTER:+"--filter=cow"}
      ;;
    qcow2-nbd) start_qemu nbd ;;
    qcow2-fuse) start_qemu fuse ;;
    veneer-nbd)
      note_attached "$directory/veneer.disk"
      start_veneer --export nbd
      ;;
    veneer-fuse)
      note_attached "$directory/veneer.disk"
      start_veneer
      ;;
    veneer-loop)
      note_attached "$directory/veneer.disk"
      start_veneer --block
      ;;
  esac
}

end_way() {
  if [[ -n $at ]]; then
    detach "$at"
  elif [[ -n $server ]]; then
    end_process "$server"
    processes=()
  fi
  rm -f "$directory/plain.img" "$directory/disk.cow" "$directory/overlay.qcow2"
}

# cpu_seconds PID: of all its threads, so far.
cpu_seconds() {
  awk -v ticks="$(getconf CLK_TCK)" '{ sub(/.*\) /, ""); print ($12 + $13) / ticks }' "/proc/$1/stat"
}

# private_mib PID
private_mib() { awk '/^Private/ { sum += $2 } END { print sum / 1024 }' "/proc/$1/smaps_rollup"; }

# fio_cell OPTIONS FIELD: prints the field.
fio_cell() {
  local options=${1/TIMED/--time_based --runtime=$seconds} name=nbd
  local engine=(--ioengine=libaio --direct=1 --filename="$target" --allow_file_create=0)
  [[ $target == nbd+unix:* ]] || name=$target
  options=${options/REPLAY/--replay_no_stall=1 --replay_redirect=$name}
  [[ $target != nbd+unix:* ]] || engine=(--ioengine=nbd --uri="$target")
  # shellcheck disable=SC2086 # a list of options
  fio --name=bench "${engine[@]}" --randrepeat=1 --invalidate=0 --output-format=json \
    --output="$work/fio.json" $options
  jq "$2" "$work/fio.json"
}

measure_way() {
  local way=$1 cell name options field before
  COW_FILTER=''
  [[ $way != cow ]] || COW_FILTER=1
  start_way "$way"
  if [[ -n $server ]]; then private_mib "$server" >>"$numbers/transport.$way.idle"; fi
  for cell in "${transport_cells[@]}"; do
    IFS='|' read -r name options field <<<"$cell"
    # What was left to be written before is no cost of what is measured now.
    sync --file-system "$directory"
    [[ -z $server ]] || before=$(cpu_seconds "$server")
    fio_cell "$options" "$field" >>"$numbers/transport.$way.$name"
    [[ -n $server && $name == rewrite32 ]] || continue
    awk -v before="$before" -v now="$(cpu_seconds "$server")" \
      -v gib="$(jq '.jobs[0].write.io_bytes / 1073741824' "$work/fio.json")" \
      'BEGIN { print (now - before) / gib }' >>"$numbers/transport.$way.cpu"
  done
  if [[ -n $server ]]; then private_mib "$server" >>"$numbers/transport.$way.memory"; fi
  end_way
}

# transport_value WAY CELL: the median; nothing where it was not measured.
transport_value() { [[ ! -s $numbers/transport.$1.$2 ]] || median "$numbers/transport.$1.$2"; }

transport_row() {
  local way=$1 cell value
  printf '| %s |' "${transport_names[$way]}"
  for cell in read1 read32 rewrite1 rewrite32 first1 first32 mixed; do
    printf ' %s |' "$(kilo "$(transport_value "$way" "$cell")")"
  done
  printf ' %.0f |' "$(transport_value "$way" boot)"
  for cell in seqread seqwrite; do
    printf ' %s |' "$(awk -v n="$(transport_value "$way" "$cell")" 'BEGIN { printf "%.1f", n / 1048576 }')"
  done
  for cell in cpu idle memory; do
    value=$(transport_value "$way" "$cell")
    printf ' %s |' "${value:+$(printf %.1f "$value")}"
  done
  printf '\n'
}

# transport_verdict TEXT WAY BASE CELL GOAL
transport_verdict() {
  [[ -s $numbers/transport.$2.$4 && -s $numbers/transport.$3.$4 ]] || return 0
  printf -- '- %s: %s, %s\n' "$1" "$(ratio_of "$(transport_value "$2" "$4")" "$(transport_value "$3" "$4")")" \
    "$(verdict "$(transport_value "$2" "$4")" "$(transport_value "$3" "$4")" "$5")"
}

ratio_of() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

# shellcheck disable=SC2016 # the backquotes are Markdown
transports_table() {
  local way round cell chosen
  IFS=, read -ra chosen <<<"$transport_ways"
  directory=$work/xfs/transports
  mkdir "$directory"
  for ((round = 0; round < transport_rounds; round++)); do
    for way in "${chosen[@]}"; do measure_way "$way"; done
  done
  printf '\n## The engine and its transports\n\n'
  printf 'A new overlay over the 2 GiB image, on XFS, against servers without any copy-on-write. 4 KiB at random:\n'
  printf 'operations a second, at queue depth 1 and 32; `mixed` writes and reads at depth 32, with an fsync every 32\n'
  printf 'writes. 1 MiB in sequence: GiB a second at depth 32. CPU: seconds of the server for 1 GiB of rewrites at\n'
  printf 'depth 32. Memory: private MiB of the server, idle and after all of it, when 1.2 GiB are changed. Medians of\n'
  printf '%s rounds; before each part of one all is written that was left to be. fio shares the cores with the server. Boot: milliseconds for what a Debian guest asked of its\n' \
    "$(wc -l <"$numbers/transport.${chosen[0]}.boot")"
  printf 'disk from its kernel to its agent and in a little work after it, one request after the other: 21 MiB read in\n'
  printf '473 requests, 56 writes, 17 flushes; on a new overlay.\n\n'
  printf '| disk | read 1 | read 32 | rewrite 1 | rewrite 32 | first write 1 | first write 32 | mixed | boot | seq. read | seq. write | CPU | idle | memory |\n'
  printf '|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n'
  for way in "${chosen[@]}"; do transport_row "$way"; done
  printf '\n![The same as a picture](transports.svg)\n\nAgainst `nbdkit file`, which copies nothing on write:\n\n'
  for cell in 'read1 0.9' 'read32 0.9' 'rewrite1 0.9' 'rewrite32 0.85' 'first1 0.9' 'first32 0.5' \
    'seqread 0.9' 'seqwrite 0.9'; do
    transport_verdict "${cell% *}" veneer-nbd file "${cell% *}" "${cell#* }"
  done
  against_qcow2
  transports_numbers >"$work/transports.tsv"
}

against_qcow2() {
  local cell transport
  printf '\nAgainst qcow2 on the same transport:\n\n'
  for cell in first1 first32 rewrite1 rewrite32; do
    transport_verdict "$cell, NBD" veneer-nbd qcow2-nbd "$cell" 3
    transport_verdict "$cell, FUSE" veneer-fuse qcow2-fuse "$cell" 4
  done
  for cell in read1 read32 mixed seqread seqwrite; do
    for transport in nbd fuse; do
      transport_verdict "$cell, ${transport^^}" "veneer-$transport" "qcow2-$transport" "$cell" 1
    done
  done
  # Milliseconds: less is better.
  for transport in nbd fuse; do
    transport_verdict "boot, ${transport^^}" "qcow2-$transport" "veneer-$transport" boot 1
  done
}

# For tools/draw-transports: way, cell, median; divided by TABs.
transports_numbers() {
  local way cell chosen
  IFS=, read -ra chosen <<<"$transport_ways"
  for way in "${chosen[@]}"; do
    for cell in read1 read32 rewrite1 rewrite32 first1 first32; do
      printf '%s\t%s\t%s\n' "${transport_names[$way]//\*/}" "$cell" "$(transport_value "$way" "$cell")"
    done
  done
}

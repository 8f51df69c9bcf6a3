# shellcheck shell=bash
# The bench's place on the host: file systems in loop-mounted files, attached disks, and the
# clean-up of all of it, whatever ends the run.

declare -a mounts=() loops=() attached=() processes=()

start_host() {
  work=$(mktemp -d "${bench_dir:-/var/tmp}/veneer-bench-XXXXXX")
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

clean_up() {
  local item
  for item in "${attached[@]}"; do
    [[ ! -e $item ]] || "$VENEER" cow detach "$item" --run "$work/run"
  done
  for item in "$work"/run/sandboxes/*; do
    [[ ! -e $item ]] || "$VENEER" cow detach "$item" --run "$work/run" >/dev/null || true
  done
  for item in "${processes[@]}"; do end_process "$item"; done
  # Lazily where a server is about to end: the device goes with it.
  for item in "${mounts[@]}"; do umount "$item" || umount --lazy "$item"; done
  for item in "${loops[@]}"; do losetup --detach "$item"; done
  rm -rf --one-file-system -- "$work"
}

# make_file_system xfs|ext4: mounts a new one of 24 GiB (sparse) at $work/KIND.
make_file_system() {
  local kind=$1 image=$work/$1.fs device
  truncate -s 24G "$image"
  case $kind in
    xfs) mkfs.xfs -q -m reflink=1 "$image" ;;
    ext4) mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "$image" ;;
  esac
  # Direct: what lies below the file system under test should not cache it a second time.
  device=$(losetup --find --show --direct-io=on "$image" 2>/dev/null ||
    losetup --find --show "$image")
  loops=("$device" "${loops[@]}")
  mkdir "$work/$kind"
  mount "$device" "$work/$kind"
  mounts=("$work/$kind" "${mounts[@]}")
}

# attach STORE ORIGIN AT [OPTION…]: prints what a program opens.
attach() {
  local store=$1 origin=$2 at=$3
  shift 3
  "$VENEER" cow attach "$store" --origin "$origin" --at "$at" --run "$work/run" "$@"
}

# note_attached AT: for the clean-up. Apart from attach, which runs in a subshell, and before it: a
# signal may come between the two.
note_attached() { attached+=("$1"); }
detach() {
  local item left=()
  "$VENEER" cow detach "$1" --run "$work/run"
  for item in "${attached[@]}"; do [[ $item == "$1" ]] || left+=("$item"); done
  attached=("${left[@]}")
}

# end_process PID: asks it to end, and waits until it has.
end_process() {
  local pid=$1
  kill -TERM "$pid" 2>/dev/null || return 0
  timeout 20 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"
}

# drop_caches: cold from here on. Fails where the host does not let us.
drop_caches() {
  sync
  (echo 3 >/proc/sys/vm/drop_caches) 2>/dev/null
}

# first_bytes N: of a list of "SIZE PATH", each ended by a NUL, the first paths that have N bytes.
first_bytes() {
  local size path total=0
  while read -r -d '' size path; do
    ((total < $1)) || continue # reads on: the writer should not die of a broken pipe
    total=$((total + size))
    printf '%s\0' "$path"
  done
}

# make_template IMAGE: 2 GiB of ext4 with about 500 MB of this machine's files.
make_template() {
  local root=$work/root
  mkdir "$root"
  # From the root, by relative names: that is how cp --parents keeps them.
  (
    cd /
    find usr/lib usr/bin usr/share -xdev -type f -size +3k -size -16M -printf '%s %p\0' |
      first_bytes 500000000 | xargs -0 cp --parents -t "$root"
  )
  mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 -d "$root" "$1" 2G
  rm -rf --one-file-system -- "$root"
}

describe_machine() {
  printf '%s cores, %s GiB of memory, Linux %s; %s\n' "$(nproc)" \
    "$(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
    "$(uname -r | grep -oE '^[0-9]+\.[0-9]+')" "$("$VENEER" --version)"
}

# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/kernel-guest sets the variables that are shared
# The bench's place in the guest: a directory on /scratch (XFS), and the clean-up.

readonly image_size=2147483648
# The other size of a store: what it holds until it is grown.
# shellcheck disable=SC2034 # in dm-churn.sh and dm-memory.sh
readonly small_change=67108864

say() { printf '%s\n' "$*" >&2; }

start_dm() {
  work=$(mktemp -d /scratch/bench-XXXXXX)
  trap clean_up_dm EXIT
  VENEER_ROOT=$work/state
  VENEER_RUN=/run/veneer-bench
  export VENEER_ROOT VENEER_RUN
  truncate -s "$image_size" "$work/template.img"
}

clean_up_dm() {
  set +e # whatever failed before: the rest goes too
  "$BENCH" keep "$work" 0 0
  "$VENEER" gc >&2
  local device
  for device in $(losetup --noheadings --output NAME); do losetup --detach "$device"; done
  rm -rf --one-file-system -- "$work"
}

# attach_dm STORE ORIGIN NAME
attach_dm() { "$VENEER" cow attach "$1" --origin "$2" --backend dm --name "$3" >/dev/null; }
detach_dm() { "$VENEER" cow detach "/dev/mapper/veneer-$1"; }

# shellcheck disable=SC2016 # the backquotes are Markdown
describe_guest() {
  local kind='emulated, about ten times slower than a machine: read the ratios'
  if dmesg | grep -q 'Hypervisor detected: KVM'; then kind='with KVM'; fi
  printf 'All of it ran in one virtual machine (%s): Linux %s,\n' "$kind" "$(uname -r)"
  printf '%s CPU, %s GiB of memory, no udev; files on XFS. Medians, in brackets the lowest and the highest.\n' \
    "$(nproc)" "$(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)"
}

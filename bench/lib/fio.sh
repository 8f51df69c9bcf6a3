# shellcheck shell=bash
# shellcheck disable=SC2154 # bench/run and bench/kernel-guest set the variables that are shared

# run_fio TARGET RW DEPTH [OPTION…]: prints the I/O operations a second.
run_fio() {
  local target=$1 rw=$2 depth=$3
  shift 3
  fio --name=bench --filename="$target" --rw="$rw" --iodepth="$depth" --bs=4k --ioengine=libaio \
    --direct=1 --size=1g --time_based --runtime="$seconds" --randrepeat=1 --allow_file_create=0 \
    --invalidate=0 \
    --output-format=json --output="$work/fio.json" "$@"
  jq --arg rw "$rw" '.jobs[0] | if $rw == "randread" then .read.iops else .write.iops end' \
    "$work/fio.json"
}

#include "app/template_scripts.h"

namespace veneer {

std::string_view TemplateHook() {
  return R"SH(#!/bin/sh
set -eu
root=$1
work=$2
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
package=$(apt-cache depends linux-image-cloud-amd64 |
  awk '$1 == "Depends:" && $2 ~ /^linux-image-/ { print $2; exit }')
[ -n "$package" ] || { echo 'this suite has no linux-image-cloud-amd64' >&2; exit 1; }
mkdir "$work/kernel-package"
cd "$work/kernel-package"
apt-get -q -o APT::Sandbox::User=root download "$package"
dpkg -x ./*.deb unpacked
cp unpacked/boot/vmlinuz-* "$work/kernel"
modules=$(echo unpacked/lib/modules/*)
mkdir -p "$root/usr/lib/modules"
cp -r "$modules" "$root/usr/lib/modules/"
cp "$work/veneer-init" "$root/usr/sbin/veneer-init"
chmod 755 "$root/usr/sbin/veneer-init"
echo veneer >"$root/etc/hostname"
: >"$root/etc/machine-id"
cp "$work/make-initrd" "$root/make-initrd"
chroot "$root" /sbin/depmod "${modules##*/}"
chroot "$root" /bin/sh /make-initrd "${modules##*/}"
mv "$root/initrd" "$work/initrd"
rm "$root/make-initrd"
)SH";
}

std::string_view GuestInit() {
  return R"SH(#!/bin/sh
# The first process of a Veneer guest: mounts, names, and an agent that is started again for ever.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 pts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=755 run /run
ln -sf /proc/self/fd /dev/fd
mkdir -p /dev/virtio-ports
for port in /sys/class/virtio-ports/*; do
  [ ! -s "$port/name" ] || ln -s "../${port##*/}" "/dev/virtio-ports/$(cat "$port/name")"
done
[ -s /etc/machine-id ] || tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
[ ! -s /etc/hostname ] || hostname "$(cat /etc/hostname)"
ip link set lo up
for link in /sys/class/net/e*; do
  [ -e "$link" ] || continue
  # As QEMU's own network has it.
  ip link set "${link##*/}" up
  ip addr add 10.0.2.15/24 dev "${link##*/}"
  ip route add default via 10.0.2.2
  echo 'nameserver 10.0.2.3' >/etc/resolv.conf
done
while :; do
  qemu-ga --method=virtio-serial --path=/dev/virtio-ports/org.qemu.guest_agent.0 --statedir=/run &
  # Reaps what others have left, too.
  wait
  sleep 1
done
)SH";
}

std::string_view InitrdMaker() {
  return R"SH(set -eu
modules=/lib/modules/$1
stage=$(mktemp -d)
mkdir -p "$stage/bin" "$stage/dev" "$stage/proc" "$stage/root" "$stage/modules"
cp /bin/busybox "$stage/bin/busybox"
: >"$stage/order"
added=
add() {
  case " $added " in *" $1 "*) return 0 ;; esac
  added="$added $1"
  name=${1##*/}
  case $name in
    *.xz) busybox xzcat "$modules/$1" >"$stage/modules/${name%.xz}" ;;
    *) cp "$modules/$1" "$stage/modules/" ;;
  esac
  echo "${name%.xz}" >>"$stage/order"
}
for name in virtio_pci virtio_blk virtio_console virtio-rng virtio_net; do
  line=$(grep -E "(^|/)$name\.ko(\.xz)?:" "$modules/modules.dep") || continue
  needed=
  for other in ${line#*:}; do needed="$other $needed"; done
  for other in $needed ${line%%:*}; do add "$other"; done
done
cat >"$stage/init" <<'INIT'
#!/bin/busybox sh
b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b mount -t proc proc /proc
while read -r module; do $b insmod "/modules/$module"; done </order
tries=0
until [ -b /dev/vda ] || [ $tries -ge 200 ]; do tries=$((tries + 1)); $b usleep 50000; done
$b mount -t ext4 /dev/vda /root
$b umount /proc
$b mount -o move /dev /root/dev
exec $b switch_root /root /sbin/veneer-init
INIT
chmod 755 "$stage/init"
cd "$stage"
find . | busybox cpio -o -H newc >/initrd 2>/dev/null
cd /
rm -rf "$stage"
)SH";
}

}  // namespace veneer

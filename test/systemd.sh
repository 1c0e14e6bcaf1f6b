#!/usr/bin/env bash
# `bash test/systemd.sh dist/cinder_….deb` starts this machine's systemd a second time, in namespaces of its own, and has
# test/systemd.ts try the package under it. It gets this machine's files, and what it changes in them is in memory and goes with
# it; nothing of this machine is enabled there. Without a file it only says whether this can be done here: that takes root, a
# cgroup2 and namespaces. The last line is `N passed, N failed`.
set -euo pipefail
cd "$(dirname "$0")/.."

SYSTEMD=/usr/lib/systemd/systemd
NAMESPACES=(--mount --pid --fork --uts --ipc --net --cgroup)
SECONDS_MAX=60

cgroups="$(findmnt -n -t cgroup2 -o TARGET | head -n 1 || true)"
if [ "$(id -u)" -ne 0 ] || [ ! -x "$SYSTEMD" ] || [ ! -w "$cgroups" ] ||
  ! unshare "${NAMESPACES[@]}" mount -t tmpfs tmpfs /mnt 2>/dev/null; then
  echo "The unit is not tried: that takes systemd, root, a cgroup2 and namespaces."
  exit 1
fi

# The new systemd's root: in the new namespaces, and in their cgroup.
prepare() {
  local root="$1/root" repository="$PWD" device
  mount -t tmpfs -o mode=755 tmpfs "$1"
  mkdir "$1/changes" "$1/work" "$root"
  mount -t overlay -o "lowerdir=/,upperdir=$1/changes,workdir=$1/work" overlay "$root"
  cd "$root"
  mount -t proc proc proc
  # Settings of the kernel are this machine's, too.
  mount --bind -o ro proc/sys proc/sys
  mount -t sysfs -o ro sysfs sys
  mount -t cgroup2 cgroup2 sys/fs/cgroup
  mount -t tmpfs -o mode=755 tmpfs dev
  for device in null zero full random urandom tty; do
    touch "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
  done
  mkdir dev/pts dev/shm
  mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
  ln -s pts/ptmx dev/ptmx
  mount -t tmpfs tmpfs dev/shm
  mount -t tmpfs -o mode=755 tmpfs run
  mkdir run/repository run/before
  mount --bind -o ro "$repository" run/repository
  cp "$2" run/cinder.deb
  : >etc/machine-id
  : >etc/fstab
  mount -t tmpfs -o mode=755 tmpfs etc/systemd/system
  pivot_root . run/before
  umount -l /run/before
  mount --make-rshared /
}

if [ "${1:-}" = --boot ]; then
  prepare "$2" "$3"
  exec env -i container=cinder-test PATH="$PATH" "$SYSTEMD" --unit=basic.target --show-status=no
fi
[ $# -eq 1 ] || exit 0

work="$(mktemp -d)"
cgroup="$cgroups/${work##*/}"
mkdir "$cgroup"
end() {
  kill -KILL "$outer" 2>/dev/null && wait "$outer" 2>/dev/null || true
  # Its processes are gone a moment later.
  for _ in {1..50}; do
    if find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; then break; fi
    sleep 0.1
  done
  rmdir "$cgroup/" "$work" 2>/dev/null || true
}
trap end EXIT
(
  echo "$BASHPID" >"$cgroup/cgroup.procs"
  exec unshare "${NAMESPACES[@]}" --kill-child bash test/systemd.sh --boot "$work" "$(realpath "$1")"
) &
outer=$!

within() {
  nsenter --target "$init" --mount --pid --uts --ipc --net --cgroup --root --wd env -i PATH="$PATH" HOME=/root "$@"
}

# Before it is systemd it has this machine's root still.
runs() {
  init="$(pgrep --parent "$outer")" && [ "$(readlink "/proc/$init/exe")" -ef "$SYSTEMD" ] && within systemctl is-active --quiet basic.target
}
until runs; do
  if [ "$SECONDS" -gt "$SECONDS_MAX" ]; then
    echo "systemd did not start."
    echo "0 passed, 1 failed"
    exit 1
  fi
  sleep 0.2
done
within systemctl --version | head -n 1
within /run/repository/node_modules/.bin/bun /run/repository/test/systemd.ts /run/cinder.deb

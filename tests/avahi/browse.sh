# Browses for Tamer with avahi, in a mount and pid namespace of its own: a private /run holds its
# bus and its daemon, and all of it ends with this script.
# Arguments: dbus-daemon, avahi-daemon, avahi-browse.
set -eu
mount -t tmpfs tmpfs /run
mkdir -p /run/dbus /run/avahi-daemon
hostname watcher
cat >/run/avahi.conf <<'CONF'
[server]
use-ipv4=yes
use-ipv6=yes
enable-dbus=yes
[publish]
disable-publishing=yes
CONF
"$1" --system --nofork --nopidfile >&2 &
tries=0
until [ -S /run/dbus/system_bus_socket ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "no bus" >&2; exit 1; }
    sleep 0.05
done
"$2" -f /run/avahi.conf --no-drop-root --no-chroot >&2 &
tries=0
until "$2" --check; do
    tries=$((tries + 1))
    [ "$tries" -lt 200 ] || { echo "no avahi" >&2; exit 1; }
    sleep 0.05
done
# Until the service is resolved over both protocols, or ten tries.
tries=0
while :; do
    "$3" --resolve --parsable --terminate _tamer._tcp >/run/seen
    if grep -q '^=;.*;IPv4;' /run/seen && grep -q '^=;.*;IPv6;' /run/seen; then break; fi
    tries=$((tries + 1))
    [ "$tries" -lt 10 ] || break
done
cat /run/seen

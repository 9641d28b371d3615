# Inside node 1: a bridge named eth0 is its interface and the switch of all nodes.
# Argument: the node's address.
set -eu
ip link add eth0 type bridge
ip link set eth0 up
# A bridge has a carrier only with a port that is up.
ip link add port type veth peer name port-end
ip link set port master eth0
ip link set port up
ip link set port-end up
ip addr add "$1/24" dev eth0
# Without a default route the node's processes cannot reach Services.
ip route add default dev eth0

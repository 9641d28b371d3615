# Inside a node that was plugged in: its address, and the way out.
# Arguments: the node's address, node 1's address.
set -eu
ip addr add "$1/24" dev eth0
ip link set eth0 up
ip route add default via "$2"

# In node 1's network, seen from outside its process namespace: plugs another node into the switch.
# Arguments: the other node's name, its first process, its pods' range, its address.
set -eu
ip link add "$1" type veth peer name eth0 netns "$2"
ip link set "$1" master eth0
ip link set "$1" up
ip route add "$3" via "$4"

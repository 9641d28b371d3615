# Inside a new node: its own /run and data folders, and the kernel settings that it may believe it owns.
# Arguments: the node's name, its data folder, the cluster's data folder.
set -eu
name=$1 data=$2 cluster=$3
# Volumes with mount propagation need a shared root.
mount --make-rshared /
mount -t tmpfs -o mode=755 tmpfs /run
for folder in kubelet containerd cni; do
    mkdir -p "$data/$folder" "/var/lib/$folder"
    mount --bind "$data/$folder" "/var/lib/$folder"
done
for folder in pods containers; do
    mkdir -p "$data/log/$folder" "/var/log/$folder"
    mount --bind "$data/log/$folder" "/var/log/$folder"
done
# Names outside the cluster are not resolved.
: > "$data/resolv.conf"
mount --bind "$data/resolv.conf" /etc/resolv.conf
# Where the controller manager makes volumes: the same folder on every node, so that data follows its pod.
mkdir -p "$cluster/volumes" /tmp/hostpath_pv
mount --bind "$cluster/volumes" /tmp/hostpath_pv
# The kubelet writes these for the whole machine unless they have the values that it wants.
mkdir -p "$data/sysctl"
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    file=$data/sysctl/$(echo "${setting%=*}" | tr / _)
    echo "${setting#*=}" > "$file"
    mount --bind "$file" "/proc/sys/${setting%=*}"
done
hostname "$name"
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward

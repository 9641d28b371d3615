#!/usr/bin/env bash
# HAProxy 2.6.12 (Debian 12): `req.hdr_ip` and IPv6 addresses in brackets.
#
# Its manual says that the parser of `req.hdr_ip` "strictly adheres to the format described in RFC7239", and that ports are
# taken of IPv4 addresses. RFC 7239 section 6 writes IPv6 addresses in brackets, with or without a port.
#
# Seen: `192.0.2.7` and `192.0.2.7:50123` are taken; of IPv6, `2001:db8::7` is taken, which RFC 7239 does not allow, and
# `[2001:db8::7]`, which it prescribes, is ignored, as is `[2001:db8::7]:50123`. Several proxies write the latter into
# X-Forwarded-For, so a rule that relies on `req.hdr_ip` has no address for callers by IPv6.
#
# Expected: the bracketed forms give 2001:db8::7, as the manual has it.
#
# Needs: Debian 12, apt-get, curl. Ends with 1 when HAProxy behaves otherwise than seen.
set -euo pipefail

folder=$(mktemp -d)
haproxy=
trap 'if [ -n "$haproxy" ]; then kill "$haproxy" 2>/dev/null || true; fi; rm -rf "$folder"' EXIT
cd "$folder"
apt-get download --quiet=2 haproxy=2.6.12-1+deb12u4 liblua5.3-0 libopentracing-c-wrapper0 libopentracing1 libpcre2-8-0 2>/dev/null
for package in *.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH="$folder/root/usr/lib/$(uname -m)-linux-gnu"
program=root/usr/sbin/haproxy
"$program" -v | head -n 1

cat > haproxy.cfg <<'END'
defaults
    mode http
    timeout client 5s
    timeout connect 1s
    timeout server 5s
frontend test
    bind unix@test.sock
    http-request set-var(txn.address) req.hdr_ip(x-forwarded-for)
    http-request return status 200 content-type text/plain lf-string "%[var(txn.address)]"
END
"$program" -f haproxy.cfg &
haproxy=$!
for _ in $(seq 100); do [ -S test.sock ] && break; sleep 0.1; done

result=0
seen() { # HEADER EXPECTED
    local answer
    answer=$(curl --silent --max-time 5 --unix-socket test.sock --header "x-forwarded-for: $1" http://localhost/)
    echo "x-forwarded-for: $1 -> ${answer:-nothing}"
    [ "$answer" = "$2" ] || { echo "  it was ${2:-nothing}"; result=1; }
}
seen '192.0.2.7' 192.0.2.7
seen '192.0.2.7:50123' 192.0.2.7
seen '2001:db8::7' 2001:db8::7
seen '[2001:db8::7]' ''
seen '[2001:db8::7]:50123' ''
exit "$result"

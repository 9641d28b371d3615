#!/usr/bin/env bash
# werift 0.25.2 (npm): a peer connection with no ICE servers asks one all the same.
#
# `iceServers` of the WebRTC API lists the servers "available to be used by the ICE agent" (W3C WebRTC, section 4.2.1); an empty
# list, which is the default in browsers, means host candidates only.
#
# Seen: `new RTCPeerConnection({ iceServers: [] })` sends STUN requests to stun.l.google.com:19302, for the library takes an
# absent server for its own default (`?? DEFAULT_STUN_SERVER`). Gathering waits for the answer: where nobody answers, it takes
# five seconds longer.
#
# Expected: no name is looked up, and gathering ends at once.
#
# Needs: Node 20, npm. Ends with 1 when werift behaves otherwise than seen.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix . werift@0.25.2 >/dev/null

cat > asks.cjs <<'END'
// Whoever is looked up is not there: nothing leaves this machine.
const asked = new Set();
require('node:dns/promises').lookup = async (name) => {
    asked.add(name);
    return { address: '127.0.0.1', family: 4 };
};
const { RTCPeerConnection } = require('werift');

async function main() {
    const connection = new RTCPeerConnection({ iceServers: [], iceUseIpv6: false });
    connection.createDataChannel('test');
    const begin = Date.now();
    await connection.setLocalDescription(await connection.createOffer());
    while (connection.iceGatheringState !== 'complete' && Date.now() - begin < 20_000) await new Promise((done) => setTimeout(done, 50));
    console.log(`looked up: ${[...asked].join(', ') || 'nobody'}`);
    console.log(`gathering took ${Date.now() - begin} ms`);
    process.exit(asked.has('stun.l.google.com') ? 0 : 1);
}
main();
END
if timeout 60 node asks.cjs; then
    echo "as seen: asked for no server, it asks stun.l.google.com"
else
    echo "werift behaves otherwise than seen"
    exit 1
fi

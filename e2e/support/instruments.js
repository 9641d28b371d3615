// Runs in the page before its own scripts: a microphone whose tone the test
// moves, and the peer connections for their statistics. Where the browser's camera cannot be
// told what to show (`testCamera` is a colour), a painted one, and the browser's own microphone,
// which always sounds.
(() => {
    const media = navigator.mediaDevices;
    const original = media.getUserMedia.bind(media);
    let gain;
    let volume = 0;

    function microphone() {
        const context = new AudioContext();
        const oscillator = new OscillatorNode(context, { frequency: window.testTone?.hertz ?? 440 });
        gain = new GainNode(context, { gain: volume });
        const destination = new MediaStreamAudioDestinationNode(context, { channelCount: 1 });
        oscillator.connect(gain).connect(destination);
        oscillator.start();
        return destination.stream.getAudioTracks()[0];
    }

    function paintedCamera([red, green, blue]) {
        const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 });
        const context = canvas.getContext('2d');
        let frame = 0;
        setInterval(() => {
            context.fillStyle = `rgb(${red} ${green} ${blue})`;
            context.fillRect(0, 0, canvas.width, canvas.height);
            // Something moves at the edge, so that there is something to encode.
            frame += 1;
            context.fillStyle = 'white';
            context.fillRect((frame * 16) % canvas.width, 0, 64, 32);
        }, 66);
        return canvas.captureStream(15);
    }

    media.getUserMedia = async (constraints) => {
        const { audio, ...rest } = constraints ?? {};
        if (window.testCamera) {
            const stream = await original(constraints);
            if (!rest.video) return stream;
            return new MediaStream([...stream.getAudioTracks(), ...paintedCamera(window.testCamera).getVideoTracks()]);
        }
        if (!audio) return original(constraints);
        const stream = rest.video ? await original(rest) : new MediaStream();
        stream.addTrack(microphone());
        return stream;
    };

    const connections = new Set();
    const Connection = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Connection {
        constructor(...values) {
            super(...values);
            connections.add(this);
        }
    };

    window.instruments = {
        /** Sets the loudness of the tone, 0 to 1. */
        tone(loudness, hertz) {
            window.testTone = { hertz };
            volume = loudness;
            if (gain) gain.gain.value = loudness;
        },
        /** All statistics of all open peer connections. */
        async stats() {
            const rows = [];
            for (const [number, connection] of [...connections].entries()) {
                if (connection.connectionState === 'closed') continue;
                (await connection.getStats()).forEach((row) => rows.push({ ...row, connection: number }));
            }
            return rows;
        },
    };
})();

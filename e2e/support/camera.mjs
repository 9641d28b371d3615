// A camera picture per person: a colour of its own, a frame counter that a
// person can read, and enough movement that encoders have work to do.

import { open, mkdir, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

export const WIDTH = 1280;
export const HEIGHT = 720;
export const FRAMES_PER_SECOND = 15;
const FRAMES = 45;

/** Segments of each digit, as top, top left, top right, middle, bottom left, bottom right, bottom. */
const SEGMENTS = ['1110111', '0010010', '1011101', '1011011', '0111010', '1101011', '1101111', '1010010', '1111111', '1111011'];

/** Writes the picture of `colour` ([red, green, blue], 0..255) as a Y4M file, unless it is there. */
export async function writeCamera(path, colour) {
    if (await stat(path).catch(() => null)) return;
    await mkdir(dirname(path), { recursive: true });
    const temporary = `${path}.${process.pid}`;
    const file = await open(temporary, 'w');
    await file.write(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${FRAMES_PER_SECOND}:1 Ip A1:1 C420jpeg\n`);
    for (let frame = 0; frame < FRAMES; frame++) {
        await file.write('FRAME\n');
        await file.write(picture(colour, frame));
    }
    await file.close();
    await rename(temporary, path);
}

function picture([red, green, blue], frame) {
    const luma = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    const cb = Math.round(128 + 0.564 * (blue - luma));
    const cr = Math.round(128 + 0.713 * (red - luma));
    const bytes = Buffer.alloc((WIDTH * HEIGHT * 3) / 2);
    bytes.fill(luma, 0, WIDTH * HEIGHT);
    bytes.fill(cb, WIDTH * HEIGHT, (WIDTH * HEIGHT * 5) / 4);
    bytes.fill(cr, (WIDTH * HEIGHT * 5) / 4);
    // A bar that walks along the bottom edge.
    rectangle(bytes, Math.floor((frame / FRAMES) * WIDTH), HEIGHT - 60, 80, 40, 235);
    digits(bytes, String(frame).padStart(3, '0'));
    return bytes;
}

function digits(bytes, text) {
    const [width, height, stroke] = [60, 110, 12];
    [...text].forEach((digit, index) => {
        const [x, y] = [60 + index * (width + 30), 60];
        const middle = y + (height - stroke) / 2;
        const places = [
            [x, y, width, stroke],
            [x, y, stroke, height / 2],
            [x + width - stroke, y, stroke, height / 2],
            [x, middle, width, stroke],
            [x, middle, stroke, height / 2],
            [x + width - stroke, middle, stroke, height / 2],
            [x, y + height - stroke, width, stroke],
        ];
        places.forEach((place, segment) => {
            if (SEGMENTS[Number(digit)][segment] === '1') rectangle(bytes, ...place, 235);
        });
    });
}

function rectangle(bytes, left, top, width, height, luma) {
    for (let row = top; row < Math.min(top + height, HEIGHT); row++) {
        bytes.fill(luma, row * WIDTH + left, row * WIDTH + Math.min(left + width, WIDTH));
    }
}

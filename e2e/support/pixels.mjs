// What a person would see: the colour of a piece of the page.

import { PNG } from 'pngjs';

/** Average colour of the middle of a screenshot, as [red, green, blue]. */
export function middleColour(png) {
    const { width, height, data } = PNG.sync.read(png);
    const sum = [0, 0, 0];
    let count = 0;
    for (let y = Math.floor(height * 0.4); y < height * 0.6; y++) {
        for (let x = Math.floor(width * 0.45); x < width * 0.65; x++) {
            const at = (y * width + x) * 4;
            for (let channel = 0; channel < 3; channel++) sum[channel] += data[at + channel];
            count++;
        }
    }
    return sum.map((value) => Math.round(value / count));
}

/** Which of `people` has the colour nearest to `seen`, and how far it is. */
export function nearest(people, seen) {
    const distances = people.map((person) => ({
        person,
        distance: Math.hypot(...person.colour.map((value, channel) => value - seen[channel])),
    }));
    return distances.sort((a, b) => a.distance - b.distance)[0];
}

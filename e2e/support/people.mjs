// The people of the tests. Each colour keeps its hue through encoding.

import { homedir } from 'node:os';
import { join } from 'node:path';

export const CACHE = process.env.SHOAL_CACHE ?? join(homedir(), '.cache', 'shoal');

const person = (name, colour, hertz) => ({
    name,
    colour,
    hertz,
    camera: join(CACHE, 'cameras-1', `${name.toLowerCase()}.y4m`),
});

export const RED = person('Rosa', [200, 40, 40], 440);
export const GREEN = person('Grete', [40, 170, 60], 550);
export const BLUE = person('Blanca', [50, 80, 210], 660);
export const YELLOW = person('Yara', [210, 190, 40], 770);

export const EVERYONE = [RED, GREEN, BLUE, YELLOW];

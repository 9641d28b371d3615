// Makes what the tests need and cannot make inside their network namespace.

import { writeCamera } from './camera.mjs';
import { EVERYONE } from './people.mjs';
import { python, REQUIREMENTS } from './python.mjs';

for (const { camera, colour } of EVERYONE) await writeCamera(camera, colour);
if (process.argv.includes('--python')) {
    for (const requirements of Object.values(REQUIREMENTS)) await python(requirements);
}

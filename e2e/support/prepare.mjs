// Makes what the tests need and cannot make inside their network namespace.

import { writeCamera } from './camera.mjs';
import { EVERYONE } from './people.mjs';

for (const { camera, colour } of EVERYONE) await writeCamera(camera, colour);

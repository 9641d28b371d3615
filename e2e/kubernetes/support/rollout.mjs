// A second image, the same inside, and waiting until it is rolled out.

import { until } from '../../support/wait.mjs';
import { isReady, podsOf } from './service.mjs';

/** The name of an image under which `retag` makes it known a second time. */
export const secondName = (image) => `${image.replace(/[:@][^/]*$/, '')}:rolled-out`;

/** The image of a container of a pod: its main one by default. */
export function imageOf(pod, container) {
    const main = pod.metadata.annotations?.['kubectl.kubernetes.io/default-container'];
    const found = pod.spec.containers.find((one) => one.name === (container ?? main)) ?? pod.spec.containers[0];
    return found.image;
}

/** Waits until the pods that `pods` lists are `count`, all ready and none leaving, and one container of each runs `image`. */
export async function rolledOut(what, pods, image, count, { seconds = 180 } = {}) {
    await until(
        `${what} runs ${image}`,
        async () => {
            const all = await pods();
            const done = all.filter(
                (pod) => isReady(pod) && !pod.metadata.deletionTimestamp && pod.spec.containers.some((one) => one.image === image),
            );
            return { ok: all.length === count && done.length === count, seen: all.map((pod) => `${pod.metadata.name} ${pod.status.phase}`) };
        },
        { seconds, every: 250 },
    );
}

/** Pods of a component, as `rolledOut` asks for them. */
export const of = (component, which) => () => podsOf(component, which);

import { describeAdmission } from './admission.contract.js';
import { describeEndings } from './ending.contract.js';
import { describeReading } from './reading.contract.js';
import { Scene, type OpenScene, type StartTransport } from './transport-scene.js';

/**
 * The tests that every transport passes, over real connections: call it in a spec of Jest, or of Vitest with `globals`.
 *
 * @param start starts an application with the transport; it is called in each test
 */
export function describeTransport(name: string, start: StartTransport): void {
  describe(`${name} as a transport`, () => {
    let scene: Scene | undefined;
    const open: OpenScene = async (options = {}) => (scene = await Scene.open(start, options));
    afterEach(async () => {
      const last = scene;
      scene = undefined;
      await last?.close();
    });

    describeAdmission(open);
    describeReading(open);
    describeEndings(open);
  });
}

/*
 * The soak test for longer than the tests run it: npm run soak -- [minutes, 10 if it is left out] [seed, to do it again].
 */
import { spawnSync } from 'node:child_process';

const [minutes = '10', seed] = process.argv.slice(2);
const { status } = spawnSync(
  'npx',
  ['jest', '--selectProjects', 'faults', '--runInBand', '--forceExit', 'test/backplanes-soak'],
  {
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_OPTIONS: '--experimental-vm-modules',
      SOAK_MINUTES: minutes,
      ...(seed && { SOAK_SEED: seed }),
    },
  },
);
process.exitCode = status ?? 1;

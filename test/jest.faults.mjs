import { base, patient } from './jest.base.mjs';

/** Clusters that fail, browsers through a deploy, hours of traffic in a minute, fuzzing: of `npm run test:all`. */
export default {
  ...base,
  ...patient,
  displayName: 'faults',
  testMatch: ['<rootDir>/test/**/*.fault-spec.ts'],
};

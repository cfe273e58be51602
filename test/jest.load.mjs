import { base, patient } from './jest.base.mjs';

/** Crowds, floods and leaks: what needs the machine for itself, one after the other. */
export default { ...base, ...patient, displayName: 'load', testMatch: ['<rootDir>/test/**/*.load-spec.ts'] };

import { base, patient } from './jest.base.mjs';

/** The built packages as a user gets them, over real sockets. */
export default { ...base, ...patient, displayName: 'e2e', testMatch: ['<rootDir>/test/**/*.e2e-spec.ts'] };

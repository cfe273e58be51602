import { base } from './jest.base.mjs';

/** Beside the sources: units, contracts, properties, golden bytes. */
export default { ...base, displayName: 'unit', testMatch: ['<rootDir>/libs/*/src/**/*.spec.ts'] };

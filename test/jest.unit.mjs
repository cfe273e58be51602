import { base, patient } from './jest.base.mjs';

/** Beside the sources: units, contracts, properties, golden bytes. */
export default {
  ...base,
  setupFilesAfterEnv: patient.setupFilesAfterEnv,
  displayName: 'unit',
  testMatch: ['<rootDir>/libs/*/src/**/*.spec.ts'],
};

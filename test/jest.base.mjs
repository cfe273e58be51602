import { fileURLToPath } from 'node:url';

/** What all test projects share: ES modules as they are, TypeScript through swc with Nest's decorators. */
export const base = {
  rootDir: fileURLToPath(new URL('..', import.meta.url)),
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  // Built packages are ES modules of their own: their relative imports must keep ".js", and nothing is transformed.
  modulePathIgnorePatterns: ['<rootDir>/dist/'],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: false },
        },
        module: { type: 'es6' },
      },
    ],
  },
};

/** Where tests wait for other processes. */
export const patient = {
  globalSetup: '<rootDir>/test/support/templates.mjs',
  setupFilesAfterEnv: ['<rootDir>/test/support/patience.ts'],
};

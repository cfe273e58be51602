import { jest } from '@jest/globals';

// For what hangs. Processes, browsers and servers take their time on a machine that is busy.
jest.setTimeout(120_000);

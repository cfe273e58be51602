import { describeBackplane } from './backplane.contract.js';
import { MemoryLog } from './memory-log.js';

describeBackplane('MemoryLog', () => new MemoryLog(), { state: true, ends: true });

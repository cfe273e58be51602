import { describeBackplane } from '../../testing/backplane.contract.js';
import { MemoryBackplane } from './memory.backplane.js';

describeBackplane('MemoryBackplane', () => ({ node: () => new MemoryBackplane() }), {
  shared: false,
  history: false,
  state: true,
  ends: true,
});

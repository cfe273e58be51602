import { Target } from './target-process.mjs';
import { Witness } from './witness.mjs';

/** No block of the event loop may be longer, in milliseconds. */
const longestBlock = 50;

/** Plays one attack against an application of its own, and says what it has cost. */
export async function play(attack, push) {
  let target;
  try {
    const options = (await attack.options?.(push)) ?? {};
    target = await Target.start({ push, ...options });
    await attack.prepare?.(target);
    const { heap } = await target.ask('memory');
    const witness = await Witness.arrive(target);
    const began = performance.now();
    await target.ask('begin');
    const { note, faults = [] } = await attack.play(target);
    const milliseconds = performance.now() - began;
    const measured = await target.ask('end');
    const got = await witness.verdict(measured.ticks);
    return {
      attack: attack.name,
      title: attack.title,
      note,
      milliseconds,
      expected: Math.floor(milliseconds / 10),
      ...measured,
      ...got,
      heapGrew: (await target.ask('memory')).heap - heap,
      faults: [...faults, ...faultsOf(measured, got)],
    };
  } catch (error) {
    return { attack: attack.name, title: attack.title, note: '', faults: [error.message] };
  } finally {
    await target?.stop();
    await attack.clean?.();
  }
}

function faultsOf({ block }, { websocket, sse }) {
  const faults = [];
  if (block > longestBlock) faults.push(`a block of ${Math.round(block)} ms`);
  if (!websocket) faults.push('the witness missed events over WebSocket');
  if (!sse) faults.push('the witness missed events over SSE');
  return faults;
}

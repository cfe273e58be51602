import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { verdicts, verdictTable } from './claims.js';
import type { Result } from './result.js';
import { chartOf, table } from './results.js';

const docs = fileURLToPath(new URL('../../../push/docs/', import.meta.url));

const method = `# Benchmark

This page is written by \`npm run bench -- --page\`, from measured results. **The claim is the ratios**: what is
compared ran one after the other on one machine. Absolute numbers are that machine's, and another day's are different.

\`\`\`sh
npm run bench -- --quick              # the main scenarios, in less than two minutes
npm run bench                         # all scenarios and peers: a quarter of an hour
npm run bench -- topics --peer push-ws --peer shared-ws
BENCH_PROFILE=/tmp/profiles npm run bench -- reconnect   # leaves a CPU profile of each server
\`\`\`

Results go to \`libs/bench/results\`: tables, JSON and a chart. Scenarios that are run again replace what they showed before.

## Method

- Each server is a process of its own on one core, and is one small file in \`libs/bench/src/servers\`, written as the
  server's own documentation recommends. The load generator is another process on another core, over loopback.
- The generator verifies what it receives: every event once, in order, whole. A server that loses or damages one fails.
- **Saturation**: the publisher keeps a bounded number of events on the way. Each server is tried with one to 2,048
  publishes a turn of the event loop, and measured at those that suit it best. The fastest servers here are faster than
  the generator: then "per server CPU second" is what one core of theirs could do.
- **Controls** write the same bytes as nestjs-push to bare sockets, one shared buffer a turn, without ids to resume from,
  back-pressure or a life cycle: nothing built on Node's sockets is faster. For many topics they are the raw writes per
  second that one core can do.
- **Latency** is from before publish to after receipt, by the machine's monotonic clock, which all processes share.
- **Memory** is the resident set after garbage collection, over that of the same server without clients.
- **Compression**: orders of about 300 bytes and the words of an answer, an event a turn, with compression and without, in two servers
  that take turns. Bytes are those of the connection, of all clients. One client decompresses and verifies every event; the
  others are weighed, and have to get as many bytes. \`ws\` has its own \`permessage-deflate\`, with a context for each client.
- **TLS and HTTP/2**: nestjs-push, \`node:https\` or \`node:http2\` by hand with one shared buffer for what is published in one go, and
  nestjs-push in clear text behind nginx, whose CPU time counts (its one worker shares the server's core): three servers that take
  turns. A browser has a connection of its own; a proxy that speaks HTTP/2 to its servers has many clients on each.
- **State** and **joining** compare state topics with plain ones, each in a server of its own: the newest event is what both
  have. A topic's memory is what its first event adds. Those who join read bare bytes, one after the other.
- **Presence** is compared with clients that come to the same topic without it. Churn: all members of the room come and go for a
  minute, as fast as the two processes can; what is left in memory is measured when nobody is there.
`;

const remarks = `## Where a goal is missed

- **Many topics.** Every delivery is a write of its own there. In a profile of SSE an event takes 17 µs, of which the write is 9;
  of the control 11, of which the write is 8. Besides the write, nestjs-push makes the event's JSON and checks it (0.8 µs),
  stores it in the log and lets go of an older one (1.0), finds its audience and hands it on (2.0: with 10,000 clients little
  of it is found in the CPU's caches), and encodes it (0.5); the garbage collection, mostly of events that are kept, takes 1.3.
  Publishing to one topic that nobody reads takes less than 1 µs in all. A write costs more while its reader sleeps: slowed down
  to 50,000 a second, the control takes 9.4 µs for each, and 7.2 at its full pace. The last column has everyone at one pace.
- **Index.** The steps are the same, however many topics there are; the memory they touch is not. In profiles, 7.3 µs an event with
  400 topics and 10.0 with 100,000: what is more is spent in the window's lists and sets of topics (1.0 µs) and in finding the
  audience (0.4), whose entries are in the CPU's caches with few topics and not with many, and the rest all over the path.
- **HTTP/2.** There is one write to the socket of each connection in a turn, as in the bare server, and as many turns. With 100
  streams a connection a delivery is 1.5 to 2 µs, nearly all of it Node's own work for a stream, so that what is around it counts: the
  session, cursor, client and outlet of each stream are reads of memory that is in no cache (0.4 µs). A loop over nothing but
  the streams, in the same process, had 0.88 of the bare server. When events are flushed makes no difference.
- **Saturation.** The controls and nestjs-push are all faster than the load generator: ratios among them move by a tenth
  between runs. What compares them better is the column for a server's CPU second.
`;

/** Writes the page of the documentation, and its chart. Returns where. */
export function writePage(results: readonly Result[]): string {
  const machines = [
    ...new Set(
      results.map(
        ({ machine: { cpu, memory, system, node } }) => `${cpu}, ${memory}, ${system}, Node ${node}`,
      ),
    ),
  ];
  const dates = [...new Set(results.map(({ machine }) => machine.date.slice(0, 10)))];
  const drawing = chartOf(results);
  const sections = [
    method,
    '## Results',
    '',
    `Measured on ${dates.join(', ')}. Machine: ${machines.join('; ')}.`,
    '',
    ...(drawing ? ['![Deliveries a second](benchmark.svg)', ''] : []),
    verdictTable(verdicts(results)),
    remarks,
    ...results.map(table),
  ];
  writeFileSync(`${docs}benchmark.md`, sections.join('\n'));
  if (drawing) writeFileSync(`${docs}benchmark.svg`, drawing);
  return `${docs}benchmark.md`;
}

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
- **Tail** is the same at a rate that takes most of a core: one client of ten is read, and the bytes of the others are counted. Each
  server takes turns with a broadcast server in C++ on uWebSockets, if \`BENCH_UWS\` says where one was built
  (\`libs/bench/src/servers/uws.cpp\` says how): the ratio is the median of the turns' ratios. Both publish from a timer of 1 ms.
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

- **Many topics.** Every delivery is a write of its own there. An event of SSE takes 20.6 µs, of the control 13.0; a profile says what
  for. The write and Node's streams around it take 10.5 (of the control's 10.0, the same work). Besides that, nestjs-push publishes
  the event, with its JSON and its checks (1.0), keeps it in the window and lets go of an older one (1.1), finds its audience and
  hands it on (1.8), encodes it (0.9) and counts and outputs it (0.8): with 10,000 clients little of what these touch is in the CPU's
  caches. The garbage collection takes 2.2, and of the control 0.3: an event that is kept is an object and a text, each of which is
  moved twice while it is young. Without any collection the ratio would be 0.7; the goal leaves 5.7 µs for everything but the write.
  A write costs more while its reader sleeps: the last column has everyone at one pace.
- **Tail.** The load generator needs most of its core at this rate, and more of it for a server that writes more often. With a program
  in C in the place of nine of ten clients, in two runs of 24 turns: p99 1.23 times that of uWebSockets in both, the control 0.99 and 1.20;
  p50 3.4 and 4.4 ms, 2.5 and 2.8 for uWebSockets. An event costs about 5 kB of garbage, of which 1.5 are Node's, for the writes, and
  1.2 those of \`publish\`. While the machine is slow, a server that uses more of its core is late by more.
- **HTTP/2.** There is one write to the socket of each connection in a turn, as in the bare server, and as many turns. With 100
  streams a connection nearly all of a delivery is Node's own work for a stream, so that what is around it counts: the
  session, cursor, client and outlet of each stream (about 0.4 µs), and Fastify's timeout of the session, which Node starts again with
  each write. A loop over nothing but the streams, in the same process, had 0.88 of the bare server in one run.
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

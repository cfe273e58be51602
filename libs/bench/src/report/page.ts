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
npm run bench -- --quick              # the main scenarios, in some minutes
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
  nestjs-push in clear text behind nginx, whose CPU time counts (its one worker shares the server's core), and bare Node with the session timeout of Fastify: four
  servers that take turns. A browser has a connection of its own; a proxy that speaks HTTP/2 to its servers has many clients on each.
- **State** and **joining** compare state topics with plain ones, each in a server of its own: the newest event is what both
  have. A topic's memory is what its first event adds. Those who join read bare bytes, one after the other.
- **Presence** is compared with clients that come to the same topic without it. Churn: all members of the room come and go for a
  minute, as fast as the two processes can; what is left in memory is measured when nobody is there.
`;

const remarks = `## Where a goal is missed

- **Many topics.** Every delivery is a write of its own there. On 2026-11-30, with the version before and this one in turns with the
  control (12 turns of half a second, medians of ratios): SSE 0.70 of the control, 0.66 before, an event 19.2 µs (20.2 before, 13.3 for the
  control); WebSocket 0.73, 0.71 before. What an event allocates fell from 3.5 to 2.4 kB (SSE) and from 3.7 to 2.8 kB (WebSocket), of which
  0.3 kB stay in the window. In a profile of SSE (the version before) the native write takes 49 % of the server's time, and 67 % of the
  control's: nothing of that can be saved. The other half, in the order of its size: the garbage collection 8 % (11 % with WebSockets); the
  text of the event and its bytes 9 % (6 % in the control); the streams of Node around the write 6 %; writing the JSON and the checks of
  \`publish\` 6 %; finding the topic in the window and its readers in the index 3 %, which are two look-ups in tables that no cache
  holds; the cursor, client and outlet of a reader 8 %. The threads that help the collector are not in it. What is left to gain is memory: the promise of each \`publish\` and what settles it
  (about 0.5 kB), the entry that is kept (an object and a text, each moved twice while young) and the texts that an event is joined of.
  The promise itself takes 0.25 µs. With 0.8 as the goal an event could take 3.3 µs more than the control's 13.3; it takes 5.9 more.
- **Tail.** The load generator needs most of its core at this rate, and more of it for a server that writes more often. With a program
  in C in the place of nine of ten clients, in two runs of 24 turns: p99 1.23 times that of uWebSockets in both, the control 0.99 and 1.20;
  p50 3.4 and 4.4 ms, 2.5 and 2.8 for uWebSockets. An event costs about 5 kB of garbage, of which 1.5 are Node's, for the writes, and
  1.2 those of \`publish\`. While the machine is slow, a server that uses more of its core is late by more.
- **Tokens over SSE, compressed.** An event a write, counted over 4,000 events on 2026-11-30: 87.4 bytes as they are (81.4 and its chunk), 21.8
  compressed, a factor of 4.0. Of the 21.8, 5.7 are the chunk of HTTP/1.1, 4 the marker of a flush (without it the reader of Go hands on
  nothing), 5.0 the word itself, 3.9 the id, and 3.2 all the rest: references to the event before, and the head and the end of a block.
  So 6 cannot be reached with an event a write: a word alone takes 13.4. With two events a write it is 5.5, with four 7.0, with eight 8.1:
  what is published in one turn is one write. To wait for more would gather nothing at the pace of a model, and cost latency. A
  WebSocket has no chunks and leaves the marker out: 134.4 bytes become 14.7, a factor of 9.2.
- **HTTP/2** (2026-11-30, \`--quick\`, five turns of 0.2 s, medians of ratios). Against bare Node with an event a turn, five, and 200 a second:
  a stream a connection 0.93, 0.86 and 1.02 over TLS, 0.94, 0.92 and 1.02 in clear text; 100 streams a connection 0.64, 0.65 and 0.75 over TLS, 0.57,
  0.54 and 0.64 in clear text. Against bare Node with the session timeout that Fastify sets, with 100 streams 0.73, 0.75 and 0.83, and 0.62, 0.59 and
  0.70. Since then each reader is looked at once: 100 streams in clear text, an event a turn, took 5.65 µs a delivery before and 5.25 after, in turns
  (13 of 0.3 s). In the same turns a loop over nothing but the streams, in a process of nestjs-push, took 4.62, and the same loop in a Nest application
  without push 3.54. In a native profile of 4.97 µs (the version before), sending took half, which is Node's, and \`Writable.write()\` 1.1; what is ours took
  0.5, nearly all of it to read the cursor, client and outlet of each stream, which no cache holds. Why the loop costs more in our process was not
  found. These made 1 to 7 % in a quiet run: whether the bare server writes in a microtask or at the end of the turn, the response
  objects of Node, Fastify, the size of V8's young generation. There is one write to the socket of each connection in a turn, as in the bare server.
- **Letting a client in** (SSE, 2026-11-30, one run, 8,000 clients on one process, CPU time of each): after 4,000 others \`node:http\` by hand
  0.13 ms, @fastify/sse 0.15, Nest's @Sse() 0.29, nestjs-push 0.37; after 500 others, when little is compiled, 0.19, 0.25, 0.35 and 0.56. So
  we add 0.07 ms to a route of Nest, which itself adds 0.14 to Fastify, and 0.21 while our code is cold. In a profile, nestjs-push's own functions take 20 % together, and none
  of them more than 1.3 %; the write of the headers takes 12 %, the garbage collection 12 %, Node's own code 36 %.
- **NATS between nodes** (2026-11-30, 12 turns of 0.3 s, 1,000 a second, on a machine whose own p99 was 6.5 ms; medians of ratios to raw, in which
  the reader is no client of anybody): p50 1.73 and p99 3.0. The same client of NATS with a bare stream to a client has 1.25 and 2.4. One that sends nothing
  before the last is acknowledged, as a node does, has 1.13 and 0.94: it costs nothing at p99.
- **A crowd of 100,000** (\`npm run bench -- crowd\`, 2026-11-30, one run, servers, clients and Redis on the same two cores): six processes had all
  clients in after 65 s (\`node:http\` by hand 24), at 0.90 ms of CPU time and 11.3 kB a client (0.22 and 7.0). With an event every five
  seconds for each they took 1.0 s of CPU time a second, p50 7 and p99 66 ms. One process was killed and replaced: all were back after 53 s,
  nothing was passed over and
  nothing came twice. About 870 clients that full nodes had refused were taken for connected by the load generator and missed the last
  events; it tells them apart now, and was not run at this size again. With 40,000 clients, back after 17 s, and with 12,000 nothing was missing.
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

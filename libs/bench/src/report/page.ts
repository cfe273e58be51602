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
  back-pressure or a life cycle. For many topics they are the raw writes of such buffers per second that one core can do.
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

- **Many topics.** Every delivery is a write of its own there, and what varies is memory: nestjs-push keeps each event for those who come back, an
  object and a text, each moved twice by the garbage collection while young. In a native profile of 2026-11-30 an event took 22.9 µs
  (15.8 in the control): the kernel 49 % (59 %), our own code 12 % (6 %), Node's 8 % (10 %), strings 2.9 % (3.3 %), looking up topics 2.9 %
  (3.0 %), the garbage collection in all threads 7.5 % (1.4 %). A short event for one client is written as text since then, 6 % less. To publish
  without a promise, and to import \`Buffer\` instead of reading the global, gained 1.5 % together in one run, and was not kept. On Express each client
  holds a request and a response that are larger. The ratio depends on the machine: on a quieter day it was 0.75 and 0.74.
- **Tail.** The load generator needs most of its core at this rate, and more of it for a server that writes more often. With a program
  in C in the place of nine of ten clients, before ticks were mended (see HTTP/2), in two runs of 24 turns: p99 1.23 times that of uWebSockets in
  both, the control 0.99 and 1.20. In the table, after it, nestjs-push has 1.20, and a p50 below that of uWebSockets. While the machine is slow, a server that uses more of its core is late by more.
- **Tokens over SSE, compressed.** An event a write, counted over 4,000 events on 2026-11-30: 87.4 bytes as they are (81.4 and its chunk), 21.8
  compressed, a factor of 4.0. Of the 21.8, 5.7 are the chunk of HTTP/1.1, 4 the marker of a flush (without it the reader of Go hands on
  nothing), 5.0 the word itself, 3.9 the id, and 3.2 all the rest: references to the event before, and the head and the end of a block.
  So 6 cannot be reached with an event a write: a word alone takes 13.4. With two events a write it is 5.5, with four 7.0, with eight 8.1:
  what is published in one turn is one write. To wait for more would gather nothing at the pace of a model, and cost latency. A
  WebSocket has no chunks and leaves the marker out: 134.4 bytes become 14.7, a factor of 9.2.
- **HTTP/2.** Two things made each write cost more in an application than in the bare server. They were found and mended on 2026-11-30. Up
  to Node 24, V8 forgets the hidden class of what \`process.nextTick\` queues, if it collects garbage while nothing is queued. From then on such a
  call takes 280 ns instead of 65, and each write makes one: \`PushModule.forRoot()\` keeps one such object. And each write restarted the timer of
  Fastify's session timeout, 0.2 µs. With 500 clients on five connections in clear text that only read bytes (five runs with and without, in
  turn, each the median of 7 turns of 0.3 s), a delivery took 2.8 µs before (2.70 to 2.89). With both it took 2.24, 2.33 and 2.53, and about 3.6 in two
  runs while the machine was slow. Bare Node took 1.50 to 1.64, and 2.65 in a slow one. A loop over nothing but streams took 1.66 in a Nest
  application without push, and 1.86 over the streams of our clients. What is left: Node's response objects 0.15, a larger memory 0.2 (the
  same native functions take longer), and our fan-out 0.25, to read the cursor, client and outlet of each stream.
- **Letting a client in** (SSE, 2026-11-30, one run, 8,000 clients on one process, CPU time of each): after 4,000 others \`node:http\` by hand
  0.13 ms, @fastify/sse 0.15, Nest's @Sse() 0.29, nestjs-push 0.37; after 500 others, when little is compiled, 0.19, 0.25, 0.35 and 0.56. So
  we add 0.07 ms to a route of Nest, which itself adds 0.14 to Fastify, and 0.21 while our code is cold. In a profile, nestjs-push's own functions take 20 % together, and none
  of them more than 1.3 %; the write of the headers takes 12 %, the garbage collection 12 %, Node's own code 36 %.
- **Between nodes** (2026-11-30, 53 to 63 turns of 0.3 s, 1,000 a second; medians of ratios, quartiles in brackets). The raw reader is no
  client: it reads in the process that takes the time. The least that a push server does is the raw client with a bare stream to a
  client. Over that, p50 is 1.20 and 1.29 for Redis (two runs) and 1.31 for NATS; over raw it is 2.1 to 2.3 and 1.8, of which the bare stream alone
  has 1.8 and 1.4. **p99 cannot be told on this machine**: two runs of the same code had 2.42 (1.02 to 5.05) and 1.14 (0.66 to 2.51) over raw for
  Redis, 1.24 and 1.04 over raw with a stream; NATS, in one run, 2.36 (1.31 to 4.45) and 1.39 (0.63 to 2.94). Of an event around the p99, 7 ms in
  a trace, our code in the receiving node has 0.3 to 0.5 ms. To read before the fan-out instead of after it changed nothing that could be told.
- **A crowd of 100,000** (\`npm run bench -- crowd\`, 2026-11-30, one run, servers, clients and Redis on the same two cores): six processes had all
  clients in after 65 s (\`node:http\` by hand 24), at 0.90 ms of CPU time and 11.3 kB a client (0.22 and 7.0). With an event every five
  seconds for each they took 1.0 s of CPU time a second, p50 7 and p99 66 ms. One process was killed and replaced: all were back after 53 s,
  nothing was passed over and
  nothing came twice. About 870 clients that full nodes had refused were taken for connected by the load generator and missed the last
  events; it tells them apart now, and was not run at this size again. With 40,000 clients, back after 17 s, and with 12,000 nothing was missing.
- **Letting a crowd in** (2026-11-30, single runs). One process took 0.49 ms of CPU time a client over 16,000, with memory and with Redis
  alike: 0.9 for the first 2,000, when little is compiled, 0.31 to 0.33 for the last: nothing that grows was seen. Six
  processes on two cores, beside six load generators, took 1.24 ms over 100,000: in one of them the first 1,000 cost 3.9 each and those
  after 5,000 0.5 to 1.2. \`node:http\` took 0.17 in one process and 0.23 in six.
- **Saturation.** The controls and nestjs-push are all faster than the load generator: ratios among them move by a tenth
  between runs. What compares them better is the column for a server's CPU second. On 2026-11-30 the machine was half as fast, and less quiet:
  against the control nestjs-push had 0.87 (Fastify), 0.89 (Express) and 0.98 (WebSocket) with 500 subscribers, 0.83, 0.98 and 1.33 with 5,000.
`;

function dateOf({ machine }: Result): string {
  return machine.date.slice(0, 10);
}

/** Writes the page of the documentation, and its chart. Returns where. */
export function writePage(results: readonly Result[]): string {
  const machines = [
    ...new Set(
      results.map(
        ({ machine: { cpu, memory, system, node } }) => `${cpu}, ${memory}, ${system}, Node ${node}`,
      ),
    ),
  ];
  const dates = [...new Set(results.map(dateOf))];
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
    ...results.map((result) =>
      dates.length > 1 ? `${table(result)}\nMeasured on ${dateOf(result)}.\n` : table(result),
    ),
  ];
  writeFileSync(`${docs}benchmark.md`, sections.join('\n'));
  if (drawing) writeFileSync(`${docs}benchmark.svg`, drawing);
  return `${docs}benchmark.md`;
}

/*
 * Reads AsyncAPI documents, a JSON array of texts, from standard input, and writes what the official parser says of each. A process
 * of its own: inside Jest the parser takes ten times as long.
 */
import { Parser } from '@asyncapi/parser';
import { text } from 'node:stream/consumers';

const parser = new Parser();
const results = [];
for (const document of JSON.parse(await text(process.stdin))) {
  const { document: read, diagnostics } = await parser.parse(document);
  results.push({
    // Its advice to use a newer version of AsyncAPI is none about the document.
    problems: diagnostics
      .filter(({ code }) => code !== 'asyncapi-latest-version')
      .map(({ severity, code, message, path }) => `${severity} ${code} at ${path.join('/')}: ${message}`),
    channels: read
      ?.channels()
      .all()
      .map((channel) => channel.address()),
    servers: read
      ?.servers()
      .all()
      .map((server) => server.url()),
    receives: read
      ?.operations()
      .filterByReceive()
      .map((operation) => operation.id()),
    sends: read
      ?.operations()
      .filterBySend()
      .map((operation) => operation.id()),
  });
}
process.stdout.write(JSON.stringify(results));

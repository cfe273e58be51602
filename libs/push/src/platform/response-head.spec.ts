import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { beforeHead } from './response-head.js';

/** What a client of a real server gets from `listener`. */
async function answerOf(listener: RequestListener): Promise<IncomingMessage> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const [response] = (await once(get({ port, host: '127.0.0.1', agent: false }), 'response')) as [
    IncomingMessage,
  ];
  response.resume();
  await once(response, 'end');
  server.close();
  await once(server, 'close');
  return response;
}

const appending: Parameters<typeof beforeHead>[1] = (head) => {
  head.set('link', [head.get('link') ?? [], 'ours'].flat().join(', '));
};

describe('beforeHead', () => {
  it.each<[string, RequestListener]>([
    ['set before, sent by end', (_, response) => response.setHeader('Link', 'theirs').end()],
    ['given to writeHead', (_, response) => response.writeHead(200, { Link: 'theirs' }).end()],
    ['given behind a reason', (_, response) => response.writeHead(200, 'Fine', { link: 'theirs' }).end()],
    ['given as a flat list', (_, response) => response.writeHead(200, ['Link', 'theirs', 'A', 'b']).end()],
    [
      'given as a list that replaces an earlier value',
      (_, response) => response.setHeader('link', 'old').writeHead(200, ['Link', 'theirs']).end(),
    ],
    [
      'set before, sent by write',
      (_, response) => void response.setHeader('link', ['theirs']).write('x', () => response.end()),
    ],
  ])('amends a header that is %s', async (_, listener) => {
    const response = await answerOf((request, response) => {
      beforeHead(response, appending);
      void listener(request, response);
    });
    expect(response.headers.link).toBe('theirs, ours');
  });

  it('keeps names that a list gives twice', async () => {
    const response = await answerOf((_, response) => {
      beforeHead(response, appending);
      response.writeHead(200, ['set-cookie', 'a=1', 'Set-Cookie', 'b=2', 'set-cookie', 'c=3']).end();
    });
    expect(response.headers['set-cookie']).toEqual(['a=1', 'b=2', 'c=3']);
    expect(response.headers.link).toBe('ours');
  });

  it('replaces a header that is given twice, in two spellings', async () => {
    const response = await answerOf((_, response) => {
      beforeHead(response, (head) => head.set('x-by', `${String(head.get('x-by'))}, ours`));
      response.writeHead(200, { 'x-by': 'first', 'X-By': 'last' }).end();
    });
    expect(response.headers['x-by']).toBe('last, ours');
  });

  it('replaces the status', async () => {
    const response = await answerOf((_, response) => {
      beforeHead(response, (head) => (head.status = 200));
      response.writeHead(202).end();
    });
    expect(response.statusCode).toBe(200);
  });

  it('is told the status that is sent', async () => {
    const statuses: number[] = [];
    await answerOf((_, response) => {
      beforeHead(response, ({ status }) => statuses.push(status));
      response.statusCode = 404;
      response.end();
    });
    expect(statuses).toEqual([404]);
  });
});

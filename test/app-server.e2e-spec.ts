import { connect } from 'nestjs-push-client';
import { WebSocket } from 'ws';
import { afterTest } from './support/cleanup.js';
import { DeskProcess } from './support/desk-process.js';

/*
 * What the reference application takes and refuses. No browser is needed for it.
 */

interface Note {
  readonly author: string;
  readonly text: string;
  readonly at: number;
}

let desk: DeskProcess;

const post = (path: string, body: unknown) => desk.post(path, body);

describe('what comes in over HTTP', () => {
  beforeAll(async () => {
    desk = await DeskProcess.start();
  });

  afterAll(() => desk.end());

  it('stores what is sent twice with one messageId once', async () => {
    const event = { data: 'once', messageId: 'order-66' };
    const [first, second] = [await post('/events/a.b', event), await post('/events/a.b', event)];
    expect(await second.json()).toEqual(await first.json());
  });

  it.each([
    ['no data', '/events/board.news', {}, 400, /data is missing/],
    ['an unknown field', '/events/board.news', { data: 1, tpye: 'x' }, 400, /tpye should not exist/],
    ['a type of the library', '/events/board.news', { data: 1, type: 'push.gap' }, 400, /push\./],
    ['a type that is no string', '/events/board.news', { data: 1, type: 7 }, 400, /type must be a string/],
    ['a bad messageId', '/events/board.news', { data: 1, messageId: 'a b' }, 400, /visible ASCII/],
    ['an empty token', '/events/board..news', { data: 1 }, 400, /is not a topic/],
    ['a wildcard', '/events/board.*', { data: 1 }, 400, /for subscribing/],
    ['a space', '/events/board%20news', { data: 1 }, 400, /is not a topic/],
    ['a topic that is too long', `/events/${'a'.repeat(256)}`, { data: 1 }, 400, /255 characters/],
    ['a list', '/events/board.news', [1], 400, /data is missing/],
    ['the figures', '/events/machine.figures', { data: 1 }, 403, /measured/],
    ['too much', '/events/board.news', { data: 'x'.repeat(300_000) }, 413, /maxEventBytes/],
  ])('refuses %s', async (_, path, body, status, reason) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    const { message } = (await answer.json()) as { message: string | string[] };
    expect([message].flat().join('; ')).toMatch(reason);
  });

  it('refuses what is no JSON', async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${desk.url}/events/a`, { method: 'POST', headers, body: '{"data":' });
    expect(answer.status).toBe(400);
  });
});

describe('what comes in over the WebSocket', () => {
  beforeEach(async () => {
    desk = await DeskProcess.start();
  });

  afterEach(() => desk.end());

  it('is a note with the time of the server, or refused with the reasons', async () => {
    const push = connect<{ 'board.notes': Note }>(`${desk.url}/push`, {
      webSocket: WebSocket,
      transports: ['websocket'],
    });
    afterTest(() => push.close());
    const notes: Note[] = [];
    await push.on('board.notes', (note) => notes.push(note)).live;
    const before = Date.now();
    const forged = { author: ' Ann ', text: 'Hello', at: 1 };
    await push.publish('board.notes', forged);
    await expect(push.publish('board.notes', { ...forged, more: true } as Note)).rejects.toThrow(
      /more should not/,
    );
    await expect(push.publish('board.notes', { author: 'Ann', text: '  ' } as Note)).rejects.toMatchObject({
      code: 'INVALID_MESSAGE',
      message: expect.stringMatching(/text must be longer/) as string,
    });
    await expect(push.publish('board.notes', { text: 'Hello' } as Note)).rejects.toThrow(/author must be/);
    await expect(push.publish('board.news' as string, 'x')).rejects.toMatchObject({ code: 'FORBIDDEN' });
    expect(notes).toEqual([{ author: 'Ann', text: 'Hello', at: expect.any(Number) as number }]);
    expect(notes[0]!.at).toBeGreaterThanOrEqual(before);
  });
});

describe('npm start', () => {
  it('says what to do when the port is taken, or is none', async () => {
    desk = await DeskProcess.start();
    expect(await DeskProcess.fail(desk.port)).toEqual({
      code: 1,
      output: `Port ${desk.port} is taken. Stop the program that has it, or choose another: PORT=3001 npm start\n`,
    });
    const { code, output } = await DeskProcess.fail('http');
    expect(code).toBe(1);
    expect(output).toContain('Give a number from 0 to 65535');
    expect(await DeskProcess.fail(0, '--h3')).toEqual({
      code: 1,
      output: 'Usage: node dist/main.js [--h2 | --h2c]\n',
    });
    await desk.end();
  });
});

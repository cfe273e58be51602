import { once } from 'node:events';
import { connect, createServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { suspendTimeout } from './session-timeout.js';

/** A session of a server that ends idle ones after so many milliseconds. */
async function sessionWith(timeout: number) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const appeared = once(server, 'session') as Promise<[ServerHttp2Session]>;
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const [session] = await appeared;
  session.setTimeout(timeout);
  const close = async () => {
    client.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { session: session as ServerHttp2Session & { timeout: number }, close };
}

describe('The idle timeout of an HTTP/2 session', () => {
  it('is suspended until the last that suspended it has ended that', async () => {
    const { session, close } = await sessionWith(60_000);
    const [first, second] = [suspendTimeout(session), suspendTimeout(session)];
    expect(session.timeout).toBe(0);
    first();
    expect(session.timeout).toBe(0);
    second();
    expect(session.timeout).toBe(60_000);
    const third = suspendTimeout(session);
    expect(session.timeout).toBe(0);
    third();
    expect(session.timeout).toBe(60_000);
    await close();
  });

  it('stays what the application has set meanwhile', async () => {
    const { session, close } = await sessionWith(60_000);
    const resume = suspendTimeout(session);
    session.setTimeout(90_000);
    resume();
    expect(session.timeout).toBe(90_000);
    await close();
  });

  it('that is none stays none, and a session that is gone is left alone', async () => {
    const { session, close } = await sessionWith(0);
    suspendTimeout(session)();
    expect(session.timeout).toBe(0);
    session.setTimeout(60_000);
    const resume = suspendTimeout(session);
    await close();
    resume();
  });
});

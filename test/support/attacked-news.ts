import { JwtService } from '@nestjs/jwt';
import { secret } from './jwt-authenticator.js';
import { NewsProcess } from './news-process.js';
import { as } from './roles.js';
import { assertSurvives } from './witness.js';

/*
 * An application with the default limits, in a process of its own, for the tests of one file. During each attack on it a client
 * that behaves has to get every event, over both transports, on connections that stay.
 */

/** Signs tokens that the application takes. */
export const jwt = new JwtService({ secret });

/** There before the first test. */
export let target: NewsProcess;

beforeAll(async () => {
  const push = { limits: { handshakeTimeout: 1_000 } };
  target = await NewsProcess.launch({ secret, push });
}, 30_000);

afterAll(() => target.child.kill());

/** Attacks it; rejects if it harms the application, or a client that behaves. */
export const survives = (attack: () => Promise<unknown>) => assertSurvives(target, attack);

/** Where it takes WebSockets. */
export const url = (path = '/push') => `ws://127.0.0.1:${target.port}${path}`;
/** Where it is asked by HTTP. */
export const httpUrl = (path: string) => `http://127.0.0.1:${target.port}${path}`;

/** Who comes in as this user. */
export const member = (name: string) => as(jwt.sign({ sub: name }, { expiresIn: '1h' }));

/** The numbers from 0 on, `length` of them. */
export const count = (length: number) => Array.from({ length }, (_, index) => index);

import {
  Catch,
  ForbiddenException,
  Injectable,
  UnauthorizedException,
  ValidationPipe,
  type ArgumentsHost,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type Provider,
} from '@nestjs/common';
import type { PushOptions } from 'nestjs-push';
import { map } from 'rxjs';
import { runsGlobalsForMessages } from './support/nest.js';
import { startOpen, works } from './support/open-app.js';
import { platforms } from './support/start-app.js';
import { openWs, WsClient } from './support/ws-client.js';

describe.each(platforms)('WebSocket beside others on %s', (platform) => {
  const start = (
    providers: Provider[] = [],
    configure?: (app: INestApplication) => unknown,
    options: PushOptions = {},
  ) => startOpen(platform, options, providers, configure);

  describe("the application's global", () => {
    it('ValidationPipe, however strict, lets good messages through and names what is wrong with others', async () => {
      const strict = new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true });
      const app = await start([], (nest) => nest.useGlobalPipes(strict));
      const client = await works(app.webSocketUrl());
      expect(await client.ask('subscribe', { topics: [] })).toMatchObject({
        code: 'INVALID_MESSAGE',
        details: expect.arrayContaining([expect.stringMatching(/topics/)]) as unknown,
      });
    });

    const asking = async (app: { webSocketUrl(): string }) => {
      const client = await openWs(app.webSocketUrl());
      return client.ask('subscribe', { topics: ['a.1'] });
    };

    it.each<[string, () => unknown, string]>([
      ['says no', () => false, 'FORBIDDEN'],
      [
        'throws 403',
        () => {
          throw new ForbiddenException();
        },
        'FORBIDDEN',
      ],
      [
        'throws 401',
        () => {
          throw new UnauthorizedException();
        },
        'UNAUTHENTICATED',
      ],
    ])('guard that %s is answered, where Nest runs it for messages', async (_, canActivate, code) => {
      @Injectable()
      class Guard implements CanActivate {
        canActivate(context: ExecutionContext): boolean {
          return context.getType() !== 'ws' || (canActivate() as boolean);
        }
      }
      const app = await start([], (nest) => nest.useGlobalGuards(new Guard()));
      const answer = runsGlobalsForMessages
        ? { event: 'error', code, retryable: false }
        : { event: 'subscribed' };
      expect(await asking(app)).toMatchObject(answer);
      expect(app.bus.stats().subscriptions).toBe(runsGlobalsForMessages ? 0 : 1);
    });

    it('guard that fails is reported, and the client told nothing of it', async () => {
      const errors: unknown[] = [];
      const onlyHttp: CanActivate = {
        canActivate: (context) => {
          const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
          return headers.authorization !== 'none';
        },
      };
      const app = await start([], (nest) => nest.useGlobalGuards(onlyHttp), {
        onError: (error) => errors.push(error),
      });
      const answer = await asking(app);
      expect(answer).toMatchObject(
        runsGlobalsForMessages ? { event: 'error', code: 'INTERNAL' } : { event: 'subscribed' },
      );
      expect(JSON.stringify(answer)).not.toMatch(/authorization|undefined/);
      expect(errors).toEqual(runsGlobalsForMessages ? [expect.any(TypeError)] : []);
    });

    it('interceptors that wrap results do not put messages on the wire that are none', async () => {
      const app = await start([], (nest) =>
        nest.useGlobalInterceptors({
          intercept: (_, next) => next.handle().pipe(map((data: unknown) => ({ data, ok: true }))),
        }),
      );
      const client = await works(app.webSocketUrl());
      await client.ask('unsubscribe', { topics: ['a.1'] });
      expect(client.messages.map(({ event }) => event)).toEqual([
        'hello',
        'subscribed',
        'live',
        'unsubscribed',
      ]);
    });

    it('filters do not take the answers away', async () => {
      @Catch()
      class Silent {
        catch(_: unknown, host: ArgumentsHost): void {
          if (host.getType() !== 'ws') throw new Error('not here');
        }
      }
      const app = await start([], (nest) => nest.useGlobalFilters(new Silent()));
      const client = await openWs(app.webSocketUrl());
      expect(await client.ask('subscribe', { topics: ['secret'] })).toMatchObject({ code: 'FORBIDDEN' });
      expect(client).toBeInstanceOf(WsClient);
    });
  });
});

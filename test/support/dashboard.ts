import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { PushModule, type PushOptions } from 'nestjs-push';
import { PushDashboardModule } from 'nestjs-push/dashboard';
import { randomBytes } from 'node:crypto';
import { openStream, type SseReader } from './sse-reader.js';
import { startApp, type Platform, type RunningApp } from './start-app.js';

/** What an operator's browser sends, for a page of the dashboard's own. */
export const operator = { authorization: 'Operator' };

/** Lets operators in, and counts how often it was asked. */
@Injectable()
export class OperatorGuard implements CanActivate {
  static asked = 0;

  canActivate(context: ExecutionContext): boolean {
    OperatorGuard.asked++;
    const { headers } = context.switchToHttp().getRequest<{ headers: Record<string, string> }>();
    return headers['authorization'] === operator.authorization;
  }
}

/** An application with a dashboard for operators. */
export function startWithDashboard(
  platform: Platform,
  options: PushOptions = {},
  ...more: Parameters<typeof startApp> extends [unknown, unknown, ...infer Rest] ? Rest : never
): Promise<RunningApp> {
  const imports = [
    PushModule.forRoot({ onError: () => undefined, ...options }),
    PushDashboardModule.forRoot({ guard: OperatorGuard }),
  ];
  return startApp(platform, { imports }, ...more);
}

/** What came for a view, as its page has it. */
interface Told {
  readonly type: string;
  readonly data: Record<string, never>;
}

/** A page of the dashboard, without a browser: it opens the stream, and says what it looks at. */
export class DashboardView {
  private constructor(
    readonly view: string,
    readonly stream: SseReader,
    private readonly base: string,
  ) {}

  static async open(app: RunningApp, path = '/push/dashboard'): Promise<DashboardView> {
    const view = randomBytes(16).toString('base64url');
    const base = app.url(path);
    const stream = await openStream(`${base}/events?view=${view}`, { headers: operator });
    return new DashboardView(view, stream, base);
  }

  /** What was told so far, of this type. */
  told<Data = Record<string, unknown>>(type: string): Data[] {
    return this.all.filter((each) => each.type === type).map(({ data }) => data as Data);
  }

  get all(): Told[] {
    return this.stream.events.map(({ type, data }) => ({ type, data: JSON.parse(data) as Told['data'] }));
  }

  /** Waits until something was told for which `holds`. */
  async until<Data = Record<string, unknown>>(
    type: string,
    holds: (data: Data) => boolean = () => true,
  ): Promise<Data> {
    await this.stream.until(() => this.told<Data>(type).some(holds));
    return this.told<Data>(type).findLast(holds)!;
  }

  /** @param at the base of another node's dashboard */
  look(parts: object, at = this.base): Promise<Response> {
    return post(`${at}/look`, { view: this.view, ...parts });
  }
}

/** Posts JSON as an operator. */
export function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { ...operator, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

import { ForbiddenException, Injectable, Module } from '@nestjs/common';
import { IsString } from 'class-validator';
import {
  Authenticator,
  PushModule,
  PushTopic,
  type Handshake,
  type Principal,
  type PublishContext,
  type TopicParams,
  type TopicPolicy,
} from 'nestjs-push';
import { request, type IncomingMessage } from 'node:http';
import { startApp, type Platform, type RunningApp } from './start-app.js';

class NoteDto {
  @IsString()
  text!: string;
}

@PushTopic('notes.*', { payload: NoteDto })
class NotesPolicy implements TopicPolicy<NoteDto> {
  canPublish = () => true;

  transform(_: Principal, __: TopicParams, { data }: PublishContext<NoteDto>) {
    if (data.text === 'spam') throw new ForbiddenException('This looks like spam.');
    return data;
  }
}

@PushTopic('runs.*')
class RunsPolicy implements TopicPolicy {
  canPublish = () => true;
}

@PushTopic('cards.*')
class CardsPolicy implements TopicPolicy {
  canPublish = () => true;
}

/** The token is the user's name. */
@Injectable()
class Names extends Authenticator {
  authenticate({ token }: Handshake) {
    if (token === 'broken') throw new Error('The database of users is away.');
    return token ? { id: token } : undefined;
  }
}

@Module({ providers: [NotesPolicy, RunsPolicy, CardsPolicy] })
class Policies {}

/** Small limits, so that each can be reached. */
export const limits = {
  connectionsPerPrincipal: 2,
  publish: { perSecond: 0.01, burst: 3 },
  subscribe: { perSecond: 0.01, burst: 3 },
};

/** An application that refuses in every way that there is. */
export function start(platform: Platform, prefix = 'api'): Promise<RunningApp> {
  const push = PushModule.forRoot({
    topics: [
      { pattern: 'notes.*', access: 'authenticated', presence: true },
      { pattern: 'runs.*', access: 'authenticated', finite: true },
      { pattern: 'cards.*', state: true },
    ],
    authenticate: Names,
    limits,
  });
  return startApp(platform, { imports: [Policies, push] }, (nest) =>
    nest.setGlobalPrefix(prefix).enableVersioning({ type: 0, defaultVersion: '2' }),
  );
}

interface Sent {
  readonly method?: string;
  readonly query?: string;
  readonly user?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** An answer, as far as it came: of a stream the head. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

function send(
  app: RunningApp,
  endpoint: string,
  { method = 'GET', query = '', user, headers, body }: Sent,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const all = {
      'push-refusals': 'status',
      ...(user && { authorization: `Bearer ${user}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    };
    const sent = request(
      app.url(`/api/push/${endpoint}${query}`),
      { method, headers: all, agent: false },
      (response) => {
        const { statusCode: status = 0, headers: own } = response;
        let text = '';
        const done = () => resolve({ status, headers: own, text });
        response.setEncoding('utf8').on('error', done).on('end', done);
        response.on('data', (chunk: string) => {
          text += chunk;
          // A stream would not end.
          if (status === 200 && own['content-type'] === 'text/event-stream') response.destroy();
        });
        response.on('close', done);
      },
    );
    sent.on('error', (error) => reject(new Error(`${method} ${endpoint} ${user}: ${error.message}`)));
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

export const post =
  (endpoint: string, body: unknown, more: Sent = {}) =>
  (app: RunningApp) =>
    send(app, endpoint, { method: 'POST', user: 'ann', body, ...more });
export const get =
  (endpoint: string, query: string, more: Sent = {}) =>
  (app: RunningApp) =>
    send(app, endpoint, { user: 'ann', query, ...more });

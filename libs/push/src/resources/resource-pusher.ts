import type { EventEmitter } from 'node:events';
import {
  Http2ServerRequest,
  Http2ServerResponse,
  type Http2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { Inject, Injectable, Logger, type ExecutionContext, type OnModuleInit } from '@nestjs/common';
import { pushSettings } from '../contracts/settings.js';
import { HttpServer } from '../platform/http-server.js';
import { raw, type RawRequest, type RawResponse } from '../platform/raw-response.js';
import { isNavigation, sendEarlyHints } from './early-hints.js';
import { mergeLinks } from './link-header.js';
import { PromiseLedger } from './promise-ledger.js';
import { digestOf, printDigests, readDigests } from './pushed-cookie.js';
import type { ResourceSettings, ResourceSwitches } from './resource.options.js';
import { resourcesOf } from './resource-plan.js';
import { ResourceCounters, type ResourceSkip, type ResourceStats } from './resource-stats.js';
import type { CheckedResource } from './resource.js';
import { beforeHead, type HeaderValue } from '../platform/response-head.js';
import { routeResourcesOf } from './route-resources.js';
import { pushedRequest, pushResource, type PushObserver } from './server-push.js';

type Switches = Required<ResourceSwitches>;

const maxWarnings = 100;

/**
 * Sends the resources of each response early: by push, by a 103, or by `Link`. It never throws, and never delays the response or
 * changes it, except for its `Link` header (and `Set-Cookie`, with the option `cookie`).
 */
@Injectable()
export class ResourcePusher implements OnModuleInit {
  private readonly logger = new Logger(ResourcePusher.name);
  private readonly counters = new ResourceCounters();
  private readonly ledger: PromiseLedger<Http2Session>;
  private readonly offered = new WeakSet<RawResponse>();
  private readonly warnings = new Set<string>();

  private readonly settings: ResourceSettings;

  constructor(
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(pushSettings) { http2 }: { readonly http2: ResourceSettings },
  ) {
    this.settings = http2;
    this.ledger = new PromiseLedger(http2.maxRemembered, http2.maxConcurrent);
  }

  onModuleInit(): void {
    const server: EventEmitter | undefined = this.server.http2;
    server?.on('request', (request: RawRequest, response: RawResponse) =>
      this.noteRequest(request, response),
    );
  }

  /** Counts what has happened to resources since the start. */
  stats(): ResourceStats {
    return this.counters.snapshot();
  }

  /** Offers the resources of the current route, once for each response. Does nothing for SSE, and for methods other than GET and HEAD. */
  offer(context: ExecutionContext): void {
    const http = context.switchToHttp();
    const page = http.getRequest<RawRequest & { readonly originalUrl?: string }>();
    const request: RawRequest = raw(page);
    const response = raw(http.getResponse<RawResponse>());
    if (this.offered.has(response) || !mayHaveResources(request)) return;
    this.offered.add(response);
    const { declarations, switches } = routeResourcesOf(context, this.settings);
    const resources = this.bound(
      resourcesOf(declarations, page, (error) => this.skipInvalid(error)).filter(
        ({ path }) => path !== page.originalUrl,
      ),
    );
    if (resources.length === 0) return;
    if (response.headersSent || response.destroyed) return this.skip('unavailable', resources.length);
    const promised = this.sendEarly(request, response, resources, switches);
    this.completeHead(request, response, resources, promised, switches);
  }

  /** A client that has requested a resource, or has it in its cache (304), needs no push of it. */
  private noteRequest(request: RawRequest, response: RawResponse): void {
    // The server may speak HTTP/1.1 as well.
    const session = request instanceof Http2ServerRequest ? request.stream.session : undefined;
    const { method, url = '' } = request;
    if (!session || method !== 'GET' || !this.ledger.isResource(url)) return;
    response.once('finish', () => {
      if (response.statusCode === 200 || response.statusCode === 304) this.ledger.note(session, url);
    });
  }

  private bound(resources: CheckedResource[]): CheckedResource[] {
    const { maxPerPage } = this.settings;
    if (resources.length > maxPerPage) this.skip('limit', resources.length - maxPerPage);
    return resources.slice(0, maxPerPage);
  }

  /** @returns the paths that were promised */
  private sendEarly(
    request: RawRequest,
    response: RawResponse,
    resources: CheckedResource[],
    switches: Switches,
  ): string[] {
    const stream = response instanceof Http2ServerResponse ? response.stream : undefined;
    const isPushed = stream?.id !== undefined && stream.id % 2 === 0;
    if (request.method !== 'GET' || isPushed) return [];
    if (switches.push && stream?.pushAllowed) return this.push(request, stream, resources);
    if (switches.earlyHints) this.hint(request, response, resources, switches.earlyHints);
    return [];
  }

  private push(request: RawRequest, stream: ServerHttp2Stream, resources: CheckedResource[]): string[] {
    const { cookie } = this.settings;
    const digests = cookie ? readDigests(request.headers.cookie, cookie) : [];
    return resources
      .filter((resource) => {
        if (!digests.includes(digestOf(resource.path))) return this.promise(request, stream, resource);
        this.skip('digest');
        return false;
      })
      .map(({ path }) => path);
  }

  private promise(request: RawRequest, stream: ServerHttp2Stream, resource: CheckedResource): boolean {
    const { session } = stream;
    const clientMaximum = session?.remoteSettings.maxConcurrentStreams ?? Infinity;
    const obstacle = session ? this.ledger.open(session, resource.path, clientMaximum) : 'unavailable';
    if (!session || obstacle) {
      this.skip(obstacle ?? 'unavailable');
      return false;
    }
    const headers = pushedRequest(request.headers, resource.path, this.settings.forwardHeaders);
    try {
      pushResource(
        stream,
        resource,
        headers,
        (pushed, answer) => this.server.node!.emit('request', pushed, answer),
        this.observe(resource.path, () => this.ledger.close(session)),
      );
    } catch {
      // The client has disabled push, or left, meanwhile.
      this.ledger.close(session);
      this.skip('unavailable');
      return false;
    }
    this.counters.promised++;
    return true;
  }

  private observe(path: string, onClosed: () => void): PushObserver {
    return {
      sent: (bytes) => (this.counters.pushedBytes += bytes),
      refused: () => this.counters.refused++,
      failed: (reason) => {
        this.counters.failed++;
        this.warn(`${path} was promised but not pushed: ${reason}.`);
      },
      closed: onClosed,
    };
  }

  private hint(
    request: RawRequest,
    response: RawResponse,
    resources: CheckedResource[],
    mode: 'http2' | 'always',
  ): void {
    const isHttp2 = response instanceof Http2ServerResponse;
    if (!isHttp2 && (mode === 'http2' || request.httpVersion !== '1.1')) this.skip('protocol');
    else if (!isNavigation(request)) this.skip('request');
    else if (sendEarlyHints(response, resources)) this.counters.hints++;
    else this.skip('unavailable');
  }

  private completeHead(
    request: RawRequest,
    response: RawResponse,
    resources: CheckedResource[],
    promised: string[],
    { link }: Switches,
  ): void {
    const { cookie } = this.settings;
    if (!link && (!cookie || promised.length === 0)) return;
    beforeHead(response, (head) => {
      const isSuccess = (head.status >= 200 && head.status <= 299) || head.status === 304;
      if (!isSuccess || /^text\/event-stream\b/i.test(String(head.get('content-type')))) return;
      const links = link && mergeLinks(toList(head.get('link')), resources);
      if (links) head.set('link', links);
      if (!cookie || promised.length === 0) return;
      const known = readDigests(request.headers.cookie, cookie);
      const isSecure = request.headers[':scheme'] === 'https';
      const digests = printDigests(cookie, known, promised.map(digestOf), isSecure);
      head.set('set-cookie', [...toList(head.get('set-cookie')), digests]);
    });
  }

  private skipInvalid(error: unknown): void {
    this.skip('invalid');
    this.warn(`A resource was dropped: ${error instanceof Error ? error.message : String(error)}`);
  }

  private skip(reason: ResourceSkip, count = 1): void {
    this.counters.skipped[reason] += count;
  }

  /** Logs each warning once, and at most a hundred: their text may depend on requests. */
  private warn(message: string): void {
    if (this.warnings.has(message) || this.warnings.size >= maxWarnings) return;
    this.warnings.add(message);
    this.logger.warn(message);
  }
}

function mayHaveResources({ method, headers }: RawRequest): boolean {
  return (method === 'GET' || method === 'HEAD') && !/\btext\/event-stream\b/i.test(headers.accept ?? '');
}

function toList(value: HeaderValue): string[] {
  return value === undefined ? [] : [value].flat().map(String);
}

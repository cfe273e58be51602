import { Inject, Injectable } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { Gatekeeper } from '../../access/gatekeeper.js';
import { TrustedProxies } from '../../access/trusted-proxies.js';
import { PublishRules } from '../../bus/publish-rules.js';
import { PushError } from '../../contracts/errors.js';
import { raw, type RawRequest } from '../../platform/raw-response.js';
import { readMessage } from '../../transport/sse/request-body.js';
import { readLook, readView, type Look } from './look.js';
import { assertOwnPage } from './own-pages.js';
import { readTestEvent, type TestEvent } from './test-event.js';

/** How long the body of a look may be, in bytes. */
const mostLookBytes = 8 * 1024;

/** What the body of a publication has besides the data, in bytes. */
const publicationBytes = 4 * 1024;

/** Reads what the page asks. What comes from other pages is refused. */
@Injectable()
export class DashboardRequests {
  constructor(@Inject(ModuleRef) private readonly modules: ModuleRef) {}

  /**
   * The view that a stream is asked for.
   *
   * @throws PushError `FORBIDDEN`, `INVALID_MESSAGE`
   */
  viewOf(request: RawRequest): string {
    this.assertOwnPage(request);
    return readView(new URL(raw(request).url ?? '', 'http://page').searchParams.get('view'));
  }

  /** @throws PushError (the promise rejects) `FORBIDDEN`, `INVALID_MESSAGE`, `DATA_TOO_LARGE`, `LIMIT_EXCEEDED` */
  async lookOf(request: RawRequest): Promise<{ readonly view: string; readonly look: Look }> {
    const message = await this.messageOf(request, mostLookBytes);
    return { view: readView((message as { readonly view?: unknown }).view), look: readLook(message) };
  }

  /** @throws PushError as `lookOf` */
  async testEventOf(request: RawRequest): Promise<TestEvent> {
    const { maxEventBytes } = this.modules.get(PublishRules, { strict: false });
    return readTestEvent(await this.messageOf(request, maxEventBytes + publicationBytes));
  }

  private messageOf(request: RawRequest, maxBytes: number): Promise<object> {
    this.assertOwnPage(request);
    // Other types come from pages of any origin without asking first.
    if (!/^application\/json\s*(?:;|$)/i.test(raw(request).headers['content-type'] ?? ''))
      throw new PushError('INVALID_MESSAGE', 'The body has to have the Content-Type application/json.');
    const { handshakeTimeout: timeout, jsonDepth: maxDepth } = this.modules.get(Gatekeeper, {
      strict: false,
    }).limits;
    return readMessage(request, { maxBytes, timeout, maxDepth });
  }

  private assertOwnPage(request: RawRequest): void {
    assertOwnPage(raw(request), this.modules.get(TrustedProxies, { strict: false }));
  }
}

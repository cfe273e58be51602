import type { OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import { dropSlowHandshakes, type AnyServer } from './slow-handshakes.js';

/** Has slow handshakes dropped by the application's HTTP server, if it has one. */
export class HandshakeWatch implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost,
    private readonly milliseconds: number,
  ) {}

  onModuleInit(): void {
    // An application context, and an adapter of the application's own, may have no server of Node's.
    const server = (this.host.httpAdapter as { getHttpServer?(): unknown } | undefined)?.getHttpServer?.();
    if (server) dropSlowHandshakes(server as AnyServer, this.milliseconds);
  }
}

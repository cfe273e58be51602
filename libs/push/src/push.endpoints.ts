import { Inject, Injectable, Logger } from '@nestjs/common';
import { noticeMissingShutdownHooks } from './clients/shutdown-notice.js';
import { BasePath } from './platform/base-path.js';
import { shareExpressShapes } from './platform/express-shapes.js';
import { HttpServer } from './platform/http-server.js';
import { claimBodies } from './transport/sse/request-body.js';
import { SseRoutes } from './transport/sse/sse-routes.js';

/** Readies the application's HTTP server for what push serves there: its own endpoints, and `@Sse()` routes. */
@Injectable()
export class PushEndpoints {
  private readonly logger = new Logger('PushModule');

  constructor(
    @Inject(HttpServer) private readonly server: HttpServer,
    @Inject(BasePath) private readonly basePath: BasePath,
    @Inject(SseRoutes) private readonly routes: SseRoutes,
  ) {}

  /** Called when all controllers exist, and before Nest builds their routes. */
  configure(): void {
    this.basePath.settle();
    this.routes.install();
  }

  /** Called before the server listens, after every provider of push has initialized: the listeners of requests have an order. */
  open(): void {
    const server = this.server.node;
    if (!server) return;
    this.logger.log(this.basePath.description);
    if (this.routes.description) this.logger.log(this.routes.description);
    if (this.server.isExpress) shareExpressShapes(server);
    claimBodies(server, (url) => this.basePath.serves(url));
    noticeMissingShutdownHooks(server);
  }
}

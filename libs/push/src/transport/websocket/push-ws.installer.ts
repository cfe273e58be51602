import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { PushError } from '../../contracts/errors.js';
import { PushWsAdapter } from './push-ws.adapter.js';

/**
 * Sets a `PushWsAdapter` if the application has no WebSocket adapter. It does so in its constructor because Nest connects
 * gateways before any lifecycle hook runs, and without an adapter Nest would look for socket.io and exit.
 */
@Injectable()
export class PushWsInstaller implements OnModuleInit {
  constructor(
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModuleRef) module: ModuleRef,
  ) {
    if (!(config.getIoAdapter() as unknown)) config.setIoAdapter(new PushWsAdapter(module));
  }

  /** @throws PushError `WRONG_ADAPTER` if the application has set an adapter that cannot carry push */
  onModuleInit(): void {
    const adapter = this.config.getIoAdapter();
    if (adapter instanceof PushWsAdapter) return;
    const name = (adapter as object).constructor.name;
    throw new PushError(
      'WRONG_ADAPTER',
      `The application uses ${name}, which cannot carry push. In main.ts write` +
        ` app.useWebSocketAdapter(new PushWsAdapter(app${name === 'WsAdapter' ? '' : `, { fallback: new ${name}(app) }`})),` +
        " or do without WebSocket: PushModule.forRoot({ transports: ['sse'] }).",
    );
  }
}

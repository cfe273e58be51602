import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { ApplicationConfig, ModuleRef } from '@nestjs/core';
import { PushError } from '../../contracts/errors.js';
import { PushWsAdapter } from './push-ws.adapter.js';

/**
 * Gives the application a `PushWsAdapter` if it has no WebSocket adapter, while providers are built: Nest connects
 * gateways before any life-cycle hook runs, and without an adapter it would look for socket.io and exit.
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

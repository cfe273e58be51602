import { ConfigurableModuleBuilder, Module, type DynamicModule } from '@nestjs/common';
import { OutboxLog } from './outbox-log.js';
import { outboxSettingsOf, type PushOutboxOptions } from './outbox.options.js';
import { outboxSettings, PushOutbox } from './push-outbox.js';

const optionsToken = Symbol('PushOutboxOptions');

/** What goes beside the options, also in `forRootAsync()`. */
export interface PushOutboxExtras {
  /** Whether all modules can inject `PushOutbox`. Default: `true`. */
  readonly isGlobal?: boolean;
}

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<PushOutboxOptions>({
  optionsInjectionToken: optionsToken,
})
  .setClassMethodName('forRoot')
  .setExtras<PushOutboxExtras>({ isGlobal: true }, (definition, { isGlobal = true }) => ({
    ...definition,
    global: isGlobal,
    providers: [
      ...(definition.providers ?? []),
      { provide: outboxSettings, inject: [optionsToken], useFactory: outboxSettingsOf },
      OutboxLog,
      PushOutbox,
    ],
    exports: [PushOutbox],
  }))
  .build();

/**
 * Publishing inside of database transactions: `imports: [PushModule.forRoot(), PushOutboxModule.forRoot({ url })]`, and inject
 * `PushOutbox`. `forRootAsync()` takes a factory for the options.
 */
@Module({})
export class PushOutboxModule extends ConfigurableModuleClass {
  static override forRoot(options: PushOutboxOptions & PushOutboxExtras = {}): DynamicModule {
    return super.forRoot(options);
  }
}

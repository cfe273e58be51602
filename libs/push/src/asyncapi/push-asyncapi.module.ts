import {
  Inject,
  Logger,
  Module,
  type CanActivate,
  type DynamicModule,
  type NestModule,
  type Type,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { PushError } from '../contracts/errors.js';
import { BasePath } from '../platform/base-path.js';
import { partOf } from './asyncapi-document.js';
import { AsyncApiText, asyncApiOptions } from './asyncapi-text.js';
import { asyncApiController, placeController } from './asyncapi.controller.js';
import { checkAsyncApiOptions, type AsyncApiOptions } from './asyncapi.options.js';

/** What {@link PushAsyncApiModule} takes. */
export interface PushAsyncApiModuleOptions extends AsyncApiOptions {
  /**
   * Who may read the document: a guard of Nest, or `public` for everybody. The document names every topic that some client may
   * read or publish, and what its events carry. In production the module is refused without it. Default: everybody, with a
   * warning in the log.
   */
  readonly guard?: Type<CanActivate> | 'public';
  /** Modules that export what the guard injects. Default: none. */
  readonly imports?: DynamicModule['imports'];
  /** Decorators for the route, by which the application's own global guards know it: `[Public()]`. Default: none. */
  readonly decorators?: readonly MethodDecorator[];
}

/** Injects the controller that serves the document. */
const controllerToken = Symbol('AsyncApiController');

/**
 * Serves the AsyncAPI 3.0 document of the application at `<push path>/asyncapi.json`:
 * `imports: [PushModule.forRoot(…), PushAsyncApiModule.forRoot({ title: 'Orders', version: '1.0.0', guard: StaffGuard })]`.
 */
@Module({})
export class PushAsyncApiModule implements NestModule {
  constructor(
    @Inject(ModuleRef) private readonly modules: ModuleRef,
    @Inject(controllerToken) private readonly controller: Type<object>,
  ) {}

  /** @throws PushError `INVALID_OPTION`, in production also without a `guard` */
  static forRoot(options: PushAsyncApiModuleOptions): DynamicModule {
    const { guard, imports, decorators = [], ...document } = options;
    checkAsyncApiOptions(document);
    if (guard === undefined) allowEverybody();
    const controller = asyncApiController(guard === 'public' ? undefined : guard, decorators);
    return {
      module: PushAsyncApiModule,
      imports,
      controllers: [controller],
      providers: [
        { provide: asyncApiOptions, useValue: document },
        { provide: controllerToken, useValue: controller },
        AsyncApiText,
      ],
    };
  }

  /** Nest calls it when the application's settings are final, and before it builds the routes. There is no middleware. */
  configure(): void {
    placeController(this.controller, partOf<BasePath>(this.modules, BasePath).unprefixed);
  }
}

function allowEverybody(): void {
  const advice = 'Give PushAsyncApiModule a guard, or guard: "public" if everybody may know the topics.';
  if (process.env.NODE_ENV === 'production')
    throw new PushError('INVALID_OPTION', `The AsyncAPI document has no guard. ${advice}`);
  new Logger('PushModule').warn(`Everybody may read the AsyncAPI document. ${advice}`);
}

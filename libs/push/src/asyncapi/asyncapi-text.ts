import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { asyncApiDocument } from './asyncapi-document.js';
import type { AsyncApiOptions } from './asyncapi.options.js';

/** Injects the options of the document. */
export const asyncApiOptions = Symbol('AsyncApiOptions');

/** The document of this application, as it is served. */
@Injectable()
export class AsyncApiText implements OnApplicationBootstrap {
  /** JSON. It is there once the application has started. */
  text = '';

  constructor(
    @Inject(asyncApiOptions) private readonly options: AsyncApiOptions,
    @Inject(ModuleRef) private readonly modules: ModuleRef,
  ) {}

  /** @throws PushError `INVALID_OPTION` */
  onApplicationBootstrap(): void {
    this.text = JSON.stringify(asyncApiDocument(this.modules, this.options));
  }
}

import type { INestApplicationContext, Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { ApplicationClasses } from '../access/application-classes.js';
import { decoratedMethods } from '../bus/decorated-methods.js';
import { PushError } from '../contracts/errors.js';
import { pushPlacement, pushSettings, type PushPlacement } from '../contracts/settings.js';
import type { DeclaredSchemas } from '../contracts/topic-schemas.js';
import { BasePath } from '../platform/base-path.js';
import { snapshotMetadata, type DeclaredSnapshot } from '../state/push-snapshot.decorator.js';
import { checkAsyncApiOptions, type AsyncApiDocument, type AsyncApiOptions } from './asyncapi.options.js';
import { documentOf } from './document.js';
import type { DocumentedRule } from './topic-channels.js';

/** The settings of push that documents tell of. */
interface DocumentedSettings {
  readonly topics: readonly DocumentedRule[];
  readonly schemas: readonly DeclaredSchemas[];
  readonly authenticate?: unknown;
}

/**
 * The AsyncAPI 3.0 document of an application: its topics, what their events carry, who may read and publish them, and the
 * protocol. It reads what is declared, and needs no server: an application that is created (`NestFactory.create()`) is enough.
 *
 * ```ts
 * const document = asyncApiDocument(app, { title: 'Orders', version: '1.0.0' });
 * await writeFile('asyncapi.json', JSON.stringify(document, null, 2));
 * ```
 *
 * Set the global prefix first: addresses have it.
 *
 * @throws PushError `INVALID_OPTION`, also for an application without `PushModule`
 */
export function asyncApiDocument(
  app: Pick<INestApplicationContext, 'get'>,
  options: AsyncApiOptions,
): AsyncApiDocument {
  checkAsyncApiOptions(options);
  const settings = partOf<DocumentedSettings>(app, pushSettings);
  const placement = partOf<PushPlacement>(app, pushPlacement);
  const modules = app.get(ModulesContainer, { strict: false });
  const snapshots = decoratedMethods<DeclaredSnapshot, never>(modules, snapshotMetadata);
  const described = {
    path: partOf<BasePath>(app, BasePath).value,
    websocket: placement.gateway,
    http: placement.endpoints,
    topics: settings.topics,
    schemas: settings.schemas,
    authenticates: settings.authenticate !== undefined,
    policies: partOf<ApplicationClasses>(app, ApplicationClasses).policies(),
    snapshots: snapshots.map(({ metadata }) => metadata.pattern.wide),
  };
  return documentOf(described, options);
}

/** @throws PushError `INVALID_OPTION` if the application has no push */
export function partOf<Part>(app: Pick<INestApplicationContext, 'get'>, token: symbol | Type<unknown>): Part {
  try {
    return app.get<Part>(token as symbol, { strict: false });
  } catch (cause) {
    throw new PushError(
      'INVALID_OPTION',
      'The application has no PushModule to describe. Import PushModule.forRoot().',
      {
        cause,
      },
    );
  }
}

import { Inject, Injectable } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { pushSettings } from '../contracts/settings.js';
import { hasGroups } from './handler-methods.js';

/** The settings of handlers. */
interface HandlerSettings {
  /** See `PushOptions.groups`. */
  readonly groups?: boolean;
  /** How long handlers have to finish when the application shuts down, in milliseconds. */
  readonly shutdownTimeout: number;
}

/** What is known of handlers before any of their objects is made. */
@Injectable()
export class HandlerEnvironment {
  /** Whether the log has groups of handlers: the rules of their topics have to be known from the beginning. */
  readonly usesGroups: boolean;
  readonly shutdownTimeout: number;

  constructor(
    @Inject(ModulesContainer) readonly modules: ModulesContainer,
    @Inject(pushSettings) { groups, shutdownTimeout }: HandlerSettings,
  ) {
    this.usesGroups = groups ?? hasGroups(modules);
    this.shutdownTimeout = shutdownTimeout;
  }
}

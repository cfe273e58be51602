import type { InjectionToken, Provider } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModuleRef, ModulesContainer } from '@nestjs/core';
import { Authentication } from './access/authentication.js';
import { Capacity } from './access/capacity.js';
import { ClientPublishing } from './access/client-publishing.js';
import { Gatekeeper } from './access/gatekeeper.js';
import { GlobalEnhancers, type OpenDoors } from './access/global-enhancers.js';
import { HandshakeWatch } from './platform/handshake-watch.js';
import { limitsOf } from './access/limits.js';
import { Origins } from './access/origins.js';
import { PushAccess } from './access/push-access.js';
import { PushTickets } from './access/push-tickets.js';
import { RoutePrincipals } from './access/route-principals.js';
import { Sessions } from './access/sessions.js';
import { TopicAccess } from './access/topic-access.js';
import { TrustedProxies } from './access/trusted-proxies.js';
import { ControlMessages } from './bus/control-messages.js';
import { ErrorReporter } from './bus/error-reporter.js';
import { EventBus } from './bus/event-bus.js';
import { Backplane } from './contracts/backplane.js';
import type { PushSettings } from './settings.js';

/** Who may connect, who may see what, and how much of it. */
export function accessProviders(settingsToken: InjectionToken): Provider[] {
  return [
    {
      provide: Sessions,
      inject: [settingsToken],
      useFactory: ({ limits }: PushSettings) => new Sessions(limitsOf(limits)),
    },
    {
      provide: PushTickets,
      inject: [Backplane],
      useFactory: (backplane: Backplane) => new PushTickets(backplane),
    },
    {
      provide: PushAccess,
      inject: [Sessions, Backplane, ControlMessages],
      useFactory: (sessions: Sessions, backplane: Backplane, control: ControlMessages) => {
        const access = new PushAccess(sessions, backplane);
        control.listen((message) => access.receive(message));
        return access;
      },
    },
    {
      provide: TopicAccess,
      inject: [ModulesContainer, ErrorReporter, settingsToken],
      useFactory: (modules: ModulesContainer, errors: ErrorReporter, { topics, limits }: PushSettings) =>
        new TopicAccess(topics, modules, limitsOf(limits).decisionTimeout, errors),
    },
    {
      provide: Gatekeeper,
      inject: [
        Sessions,
        PushTickets,
        TopicAccess,
        EventBus,
        ErrorReporter,
        ModulesContainer,
        ModuleRef,
        settingsToken,
      ],
      useFactory: gatekeeper,
    },
    {
      provide: HandshakeWatch,
      inject: [HttpAdapterHost, settingsToken],
      useFactory: (host: HttpAdapterHost, { limits }: PushSettings) =>
        new HandshakeWatch(host, limitsOf(limits).handshakeTimeout),
    },
  ];
}

/** What is said at start about the application's guards. */
export function enhancerProviders(doors: OpenDoors): Provider[] {
  return [
    {
      provide: GlobalEnhancers,
      inject: [ApplicationConfig],
      useFactory: (config: ApplicationConfig) => new GlobalEnhancers(config, doors),
    },
  ];
}

function gatekeeper(
  sessions: Sessions,
  tickets: PushTickets,
  topics: TopicAccess,
  bus: EventBus,
  errors: ErrorReporter,
  modules: ModulesContainer,
  module: ModuleRef,
  options: PushSettings,
): Gatekeeper {
  const limits = limitsOf(options.limits);
  const proxies = new TrustedProxies(options.trustedProxies ?? []);
  const authentication = new Authentication(tickets, limits, errors);
  const parts = {
    limits,
    proxies,
    sessions,
    topics,
    origins: new Origins(options.origins ?? 'same-host', options.allowMissingOrigin ?? true, proxies),
    capacity: new Capacity(limits),
    authentication,
    routes: new RoutePrincipals(options.sse?.principal, authentication),
    publishing: new ClientPublishing(topics, bus),
  };
  return new Gatekeeper(parts, options.authenticate, modules, module);
}

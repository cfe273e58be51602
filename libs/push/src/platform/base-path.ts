import { Inject, Injectable, RequestMethod } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { pushPlacement, type PushPlacement } from '../contracts/settings.js';
import { modulePathOf } from './nest-internals.js';

/** An entry of `setGlobalPrefix(…, { exclude })`, as Nest stores it. */
interface Exclusion {
  readonly path: string;
  readonly requestMethod: RequestMethod;
  readonly pathRegex: RegExp;
}

/** Push's HTTP endpoints, below the base path. */
export const endpoints = {
  events: 'events',
  publish: 'publish',
  presence: 'presence',
  history: 'history',
} as const;

/** What `nestjs-push/asyncapi` serves below the base path. */
export const asyncApiEndpoint = 'asyncapi.json';

const methods = [RequestMethod.GET, RequestMethod.POST];

/**
 * The base path of push's own endpoints: the WebSocket gateway is at it, and the HTTP endpoints are below it. It consists of the
 * application's global prefix (unless that excludes any of these paths), the path that `RouterModule` gives the module, and the
 * module's `path`. Versions of the application do not change it: the protocol has a version of its own.
 */
@Injectable()
export class BasePath {
  private known: string | undefined;
  private pattern: RegExp | undefined;

  constructor(
    @Inject(pushPlacement) private readonly placement: PushPlacement,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
  ) {}

  /** The base path, with a leading slash and none at the end. A prefix may have parameters: `/:tenant/push`. */
  get value(): string {
    return this.known ?? this.prefix + this.unprefixed;
  }

  /** The base path without the global prefix, which Nest adds to the paths of controllers by itself. */
  get unprefixed(): string {
    return slashed(modulePathOf(this.placement.module, this.modules)) + this.placement.path;
  }

  /** For the log at start. */
  get description(): string {
    const { value, placement } = this;
    const open = [
      ...(placement.gateway ? [`WebSocket at ${value}`] : []),
      ...(placement.endpoints
        ? [
            `SSE at ${value}/${endpoints.events}`,
            `publishing at ${value}/${endpoints.publish}`,
            `history at ${value}/${endpoints.history}`,
          ]
        : []),
    ];
    return open.length === 0
      ? "Push has no doors of its own: @Sse() routes are the application's"
      : `Push: ${open.join(', ')}`;
  }

  /** Whether `path`, of a request, is the base path. */
  matches(path: string | undefined): boolean {
    if (path === this.value) return true;
    if (!this.value.includes('/:')) return false;
    this.pattern ??= patternOf(this.value);
    return path !== undefined && this.pattern.test(path);
  }

  /** Whether `url` is an HTTP endpoint of push's: this `endpoint`, or any if none is given. */
  serves(url: string | undefined, endpoint?: string): boolean {
    // Case and a trailing slash are significant, whatever the framework's router accepts.
    const path = url?.split('?', 1)[0] ?? '';
    const isAt = (name: string) => path.endsWith(`/${name}`) && this.matches(path.slice(0, -name.length - 1));
    return this.placement.endpoints && (endpoint ? isAt(endpoint) : Object.values(endpoints).some(isAt));
  }

  /**
   * Makes Nest build all HTTP endpoints without the global prefix if the application has excluded only one of them from it.
   * Called when the application's settings are final, and before the routes are built.
   */
  settle(): void {
    this.known = this.prefix + this.unprefixed;
    if (this.globalPrefix === '' || this.prefix !== '') return;
    const options = this.config.getGlobalPrefixOptions();
    const own = this.routes.map((path) => ({
      path,
      requestMethod: RequestMethod.ALL,
      pathRegex: new RegExp(`^${escape(path)}$`),
    }));
    this.config.setGlobalPrefixOptions({ ...options, exclude: [...(options.exclude ?? []), ...own] });
  }

  private get routes(): string[] {
    return [...Object.values(endpoints), asyncApiEndpoint].map(
      (endpoint) => `${this.unprefixed}/${endpoint}`,
    );
  }

  private get globalPrefix(): string {
    return slashed(this.config.getGlobalPrefix());
  }

  private get prefix(): string {
    const exclusions = (this.config.getGlobalPrefixOptions().exclude ?? []) as readonly Exclusion[];
    const paths = [this.unprefixed, ...this.routes];
    const isExcluded = exclusions.some(
      ({ requestMethod, pathRegex }) =>
        (requestMethod === RequestMethod.ALL || methods.includes(requestMethod)) &&
        paths.some((path) => pathRegex.test(path)),
    );
    return isExcluded ? '' : this.globalPrefix;
  }
}

function slashed(path: string): string {
  const bare = path.replace(/^\/+|\/+$/g, '');
  return bare === '' ? '' : `/${bare}`;
}

function patternOf(path: string): RegExp {
  const tokens = path.split('/').map((token) => (token.startsWith(':') ? '[^/]+' : escape(token)));
  return new RegExp(`^${tokens.join('/')}$`);
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

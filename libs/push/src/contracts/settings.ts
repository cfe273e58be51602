/** Injects the module's options with their defaults, `PushSettings`. A class declares only the part that it reads. */
export const pushSettings = Symbol('PushSettings');

/** Injects what is known before the options are resolved: the module's `path`, and its transports. */
export const pushPlacement = Symbol('PushPlacement');

/** The place of push's own endpoints. */
export interface PushPlacement {
  /** The `path` of the module, with a leading slash and none at the end. */
  readonly path: string;
  /** WebSocket clients are served at that path. */
  readonly gateway: boolean;
  /** Nest runs the application's global guards and interceptors for the messages of gateways. */
  readonly runsGlobalsForMessages: boolean;
  /** HTTP clients are served at endpoints below that path. */
  readonly endpoints: boolean;
  /** The application has set decorators on the endpoints, which its guards may read. */
  readonly areDecorated: boolean;
  /** Push's module: `RouterModule` may give it a path. */
  readonly module: new (...args: never[]) => unknown;
}

/** Injects the options of the module as they hold, `PushSettings`. A class declares the part of them that it reads. */
export const pushSettings = Symbol('PushSettings');

/** Injects what has to be known before the options are: the module's `path`, and which transports it has. */
export const pushPlacement = Symbol('PushPlacement');

/** Where push's own endpoints are. */
export interface PushPlacement {
  /** The `path` of the module, with a leading slash and none at the end. */
  readonly path: string;
  /** WebSocket clients are served at that path. */
  readonly gateway: boolean;
  /** Nest runs the application's global guards and interceptors for the messages of gateways. */
  readonly runsGlobalsForMessages: boolean;
  /** HTTP clients are served at endpoints below that path. */
  readonly endpoints: boolean;
  /** The application has given the endpoints decorators that its guards may know. */
  readonly areDecorated: boolean;
  /** Push's module: `RouterModule` may give it a path. */
  readonly module: new (...args: never[]) => unknown;
}

import { checkOptions, callable, refuse, text, type Check, type Checks } from '../contracts/option-checks.js';

/** An AsyncAPI 3.0 document, as plain JSON. */
export interface AsyncApiDocument {
  asyncapi: '3.0.0';
  info: { title: string; version: string; description?: string; [field: string]: unknown };
  channels: Record<string, Record<string, unknown>>;
  operations: Record<string, Record<string, unknown>>;
  [field: string]: unknown;
}

/** What an AsyncAPI document says that the application does not say elsewhere. */
export interface AsyncApiOptions {
  /** The name of the application. */
  readonly title: string;
  /** The version of what the document describes: the application's own. */
  readonly version: string;
  /** What the application is, in CommonMark. Default: nothing. */
  readonly description?: string;
  /**
   * Where clients reach the application: `https://api.example.com`. A path of it is that of a proxy, before the application's
   * own. Default: the document leaves the host open.
   */
  readonly url?: string;
  /**
   * How clients say who they are, by name: security schemes of AsyncAPI, such as
   * `{ session: { type: 'httpApiKey', in: 'cookie', name: 'sid' } }`. Any one of them is enough. Default: a bearer token and
   * a ticket, if the module has an authenticator.
   */
  readonly security?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Returns the document to use instead: for contacts, tags, examples and what else AsyncAPI has. Default: as it is. */
  readonly customize?: (document: AsyncApiDocument) => AsyncApiDocument;
}

const required: Check = (value, name) => {
  if (value === undefined) refuse(name, value, 'a string that is not empty');
  text(value, name);
};

const url: Check = (value, name) => {
  if (value === undefined) return;
  const isUrl = typeof value === 'string' && URL.canParse(value) && /^https?:/.test(value);
  if (!isUrl) refuse(name, value, 'a URL such as "https://api.example.com"');
};

const security: Check = (value, name) => {
  if (value === undefined) return;
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isMap || !Object.keys(value).every((key) => /^[\w.-]+$/.test(key)))
    refuse(name, value, 'security schemes by name, which are letters, digits, "_", "-" and "."');
};

const checks: Checks<AsyncApiOptions> = {
  title: required,
  version: required,
  description: text,
  url,
  security,
  customize: callable('a function that takes the document and returns one'),
};

/** @throws PushError `INVALID_OPTION` */
export function checkAsyncApiOptions(options: AsyncApiOptions): void {
  const { title, version } = options;
  checkOptions({ ...options, title, version }, checks);
}

/* nestjs-push/asyncapi: the AsyncAPI document of an application. docs/asyncapi.md is about it. */
export { asyncApiDocument } from './asyncapi-document.js';
export type { AsyncApiDocument, AsyncApiOptions } from './asyncapi.options.js';
export { PushAsyncApiModule, type PushAsyncApiModuleOptions } from './push-asyncapi.module.js';

/*
 * What push needs of Nest that Nest does not document: the names of its metadata, and the stream that it answers an `@Sse()`
 * route with. Nothing else imports from inside Nest's packages (dependency-cruiser checks it). The paths are those that
 * Nest 11 and 12 have in common: `@nestjs/common/internal` is new in 12.
 */
export { INTERCEPTORS_METADATA, MODULE_PATH, ROUTE_ARGS_METADATA, SSE_METADATA } from '@nestjs/common/constants.js';
export { SseStream } from '@nestjs/core/router/sse-stream.js';

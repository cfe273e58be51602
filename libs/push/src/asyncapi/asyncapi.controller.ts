import {
  applyDecorators,
  Controller,
  Get,
  Inject,
  Res,
  UseGuards,
  VERSION_NEUTRAL,
  type CanActivate,
  type Type,
} from '@nestjs/common';
import { asyncApiEndpoint } from '../platform/base-path.js';
import { AsyncApiText } from './asyncapi-text.js';

/** The methods that responses of Express and Fastify share. */
interface Reply {
  status(code: number): this;
  header(name: string, value: string): this;
  send(body: string): unknown;
}

/** A controller that serves the document. Its path is known when push's is: see `placeController`. */
export function asyncApiController(
  guard: Type<CanActivate> | undefined,
  decorators: readonly MethodDecorator[],
): Type<object> {
  @Controller({ version: VERSION_NEUTRAL })
  class AsyncApiController {
    constructor(@Inject(AsyncApiText) private readonly document: AsyncApiText) {}

    /** Writes the response itself: interceptors of the application may wrap results. */
    @Get(asyncApiEndpoint)
    @applyDecorators(...(guard ? [UseGuards(guard)] : []), hidden, ...decorators)
    serve(@Res() response: Reply): void {
      response
        .status(200)
        .header('Content-Type', 'application/json; charset=utf-8')
        .header('Cache-Control', 'private, no-cache')
        .header('X-Content-Type-Options', 'nosniff')
        .send(this.document.text);
    }
  }
  return AsyncApiController;
}

/** Gives the controller its path, before Nest builds the routes. */
export function placeController(controller: Type<object>, path: string): void {
  Controller({ path, version: VERSION_NEUTRAL })(controller);
}

/** OpenAPI documents leave the route out, as `@ApiExcludeEndpoint()` of `@nestjs/swagger` makes them do. */
const hidden: MethodDecorator = (_target, _key, descriptor) => {
  Reflect.defineMetadata('swagger/apiExcludeEndpoint', { disable: true }, descriptor.value as object);
};

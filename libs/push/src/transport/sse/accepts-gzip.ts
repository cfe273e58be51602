import type { IncomingHttpHeaders } from 'node:http';

/** Whether a client takes a body as gzip (RFC 9110, section 12.5.3). One that names no encodings does not say that it can. */
export function acceptsGzip({ 'accept-encoding': accepted = '' }: IncomingHttpHeaders): boolean {
  const weights = new Map<string, number>();
  for (const each of [accepted].flat().join(',').split(',')) {
    const [coding = '', ...parameters] = each.split(';').map((part) => part.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}

import { FastifyAdapter } from '@nestjs/platform-fastify';

/**
 * The protocol of the desk on its one port: HTTP/1.1 by default; with `--h2` HTTP/2 and HTTP/1.1 over TLS, which browsers
 * require for HTTP/2; with `--h2c` HTTP/2 in clear text, for services inside the same network.
 */
export type Protocol = 'http/1.1' | 'h2' | 'h2c';

/** @returns `undefined` if the arguments are invalid */
export function protocolOf(args: readonly string[]): Protocol | undefined {
  if (args.length === 0) return 'http/1.1';
  if (args.length > 1) return undefined;
  return ({ '--h2': 'h2', '--h2c': 'h2c' } as const)[args[0]!];
}

/** Fastify answers 404 when a route parameter is longer than this; the controller tells the reason. */
const routerOptions = { maxParamLength: 4_096 };

export async function adapterFor(protocol: Protocol) {
  if (protocol === 'http/1.1') return new FastifyAdapter({ routerOptions });
  if (protocol === 'h2c') return new FastifyAdapter({ routerOptions, http2: true });
  // Imported only here, since other protocols need no certificate.
  const { createCertificate } = await import('./certificate.js');
  const https = { ...(await createCertificate()), allowHTTP1: true };
  return new FastifyAdapter({ routerOptions, http2: true, https });
}

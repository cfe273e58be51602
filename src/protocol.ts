import { FastifyAdapter } from '@nestjs/platform-fastify';

/**
 * What the desk speaks on its one port: HTTP/1.1; HTTP/2 and HTTP/1.1 with TLS, by `--h2`, as browsers want it; HTTP/2 in
 * clear text, by `--h2c`, for services behind the same firewall.
 */
export type Protocol = 'http/1.1' | 'h2' | 'h2c';

/** @returns `undefined` for arguments that mean nothing */
export function protocolOf(args: readonly string[]): Protocol | undefined {
  if (args.length === 0) return 'http/1.1';
  if (args.length > 1) return undefined;
  return ({ '--h2': 'h2', '--h2c': 'h2c' } as const)[args[0]!];
}

/** Fastify answers 404 when a route parameter is longer than this; a topic that is too long deserves its reason. */
const routerOptions = { maxParamLength: 4_096 };

export async function adapterFor(protocol: Protocol) {
  if (protocol === 'http/1.1') return new FastifyAdapter({ routerOptions });
  if (protocol === 'h2c') return new FastifyAdapter({ routerOptions, http2: true });
  // Only who wants a certificate waits for what makes it.
  const { createCertificate } = await import('./certificate.js');
  const https = { ...(await createCertificate()), allowHTTP1: true };
  return new FastifyAdapter({ routerOptions, http2: true, https });
}

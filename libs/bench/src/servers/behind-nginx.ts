import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { freePort } from '../free-port.js';
import { certificate } from '../server/certificate.js';
import type { BenchServer, ServerOptions } from '../server/contract.js';
import { startNginx } from '../server/nginx.js';
import { start as startPush } from './push.js';

/* nestjs-push on HTTP/1.1 in clear text, with nginx in front of it, which speaks TLS and HTTP/2 to clients. */

export async function start({ carrier, ...options }: ServerOptions): Promise<BenchServer> {
  const push = await startPush(options);
  const { http } = push;
  await once(http!.listen(0, '127.0.0.1', 4_096), 'listening');
  const port = await freePort();
  const parameters = [carrier !== 'h2c' && 'ssl', carrier !== 'https' && 'http2'].filter(Boolean);
  const { key, cert } = await certificate();
  const { footprint } = startNginx(
    `
  server {
    listen 127.0.0.1:${port} ${parameters.join(' ')} backlog=4096;
    ssl_certificate cert.pem;
    ssl_certificate_key key.pem;
    location / {
      proxy_pass http://127.0.0.1:${(http!.address() as AddressInfo).port};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Connection "";
    }
  }`,
    { files: { 'cert.pem': cert, 'key.pem': key } },
  );
  return { ...push, http: undefined, port, footprint };
}

import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const places = ['/usr/lib/nginx/modules', '/usr/lib64/nginx/modules', '/usr/share/nginx/modules'];

/** Where nginx's module nchan is, if both are installed (Debian: `apt install libnginx-mod-nchan`). */
export function nchanModule(): string | undefined {
  const file = places.map((place) => `${place}/ngx_nchan_module.so`).find((path) => existsSync(path));
  if (!file) return undefined;
  try {
    execFileSync('nginx', ['-v'], { stdio: 'ignore' });
    return file;
  } catch {
    return undefined;
  }
}

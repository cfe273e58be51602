import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { freePort } from '../free-port.mjs';
import { spec } from './app-spec.mjs';
import { nextApp } from './next-app.mjs';
import { withNode } from './nodes.mjs';
import { run } from './run.mjs';
import { untilListening } from './until-listening.mjs';

/** Nest 11 generates CommonJS and Jest, Nest 12 ES modules and Vitest. */
const generators = [11, 12];
const nodes = [22, 26];

/** The packages as npm would publish them. */
function pack(folder) {
  for (const name of ['push', 'push-client'])
    run('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: resolve('libs', name) });
  const tarballOf = (name) =>
    readdirSync(folder).find((file) => file.startsWith(name) && /^-\d/.test(file.slice(name.length)));
  const tarball = (name) => `file:${join(folder, tarballOf(name))}`;
  return { 'nestjs-push': tarball('nestjs-push'), 'nestjs-push-client': tarball('nestjs-push-client') };
}

/** What `nest new` writes, with the five minutes of the package's README in it, and a test. */
function generate(folder, nest, tarballs) {
  const name = `app${nest}`;
  const settings = ['--skip-git', '--skip-install', '--package-manager', 'npm', '--language', 'TypeScript'];
  run('npm', ['exec', '--yes', `--package=@nestjs/cli@${nest}`, '--', 'nest', 'new', name, ...settings], {
    cwd: folder,
    env: withNode(22),
  });
  const app = join(folder, name);
  for (const file of ['src/app.controller.ts', 'src/app.controller.spec.ts', 'src/app.service.ts', 'test'])
    rmSync(join(app, file), { recursive: true });
  const [, module] = /^```ts\n([\s\S]*?)^```/m.exec(readFileSync('libs/push/README.md', 'utf8'));
  writeFileSync(join(app, 'src/app.module.ts'), module);
  writeFileSync(
    join(app, 'src/orders.spec.ts'),
    nest === 11 ? spec.replaceAll(".module.js'", ".module'") : spec,
  );
  const manifest = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8'));
  const beside = {
    '@nestjs/websockets': `^${nest}.0.0`,
    '@nestjs/platform-ws': `^${nest}.0.0`,
    ws: '^8.18.0',
  };
  const validation = { 'class-transformer': '^0.5.1', 'class-validator': '^0.15.0' };
  Object.assign(manifest.dependencies, tarballs, beside, validation);
  writeFileSync(join(app, 'package.json'), JSON.stringify(manifest, null, 2));
  return app;
}

/** Starts what was built, as `npm run start:prod` does, and reads an event from it. */
async function serve(cwd, env) {
  const port = await freePort();
  const main = existsSync(join(cwd, 'dist/main.js')) ? 'dist/main.js' : 'dist/src/main.js';
  const server = spawn('node', [main], {
    cwd,
    env: { ...env, PORT: String(port) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await untilListening(server, port);
    const url = `http://127.0.0.1:${port}/orders/42`;
    const { body } = await fetch(`${url}/events`, { signal: AbortSignal.timeout(30_000) });
    await fetch(`${url}/ship`, { method: 'POST' });
    let read = '';
    for await (const bytes of body) if ((read += Buffer.from(bytes)).includes('shipped')) break;
    if (!read.includes('"status":"shipped"')) throw new Error(`The stream ended with: ${read}`);
  } finally {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  }
}

/**
 * The packed packages in newly generated applications: of Nest, on the Nodes that the suites do not run on, and of Next.js.
 *
 * @param only `next` for that one alone
 */
export async function apps([only] = []) {
  const folder = mkdtempSync(join(tmpdir(), 'push-apps-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const tarballs = pack(folder);
  await nextApp(folder, tarballs);
  if (only === 'next') return;
  for (const nest of generators) {
    const cwd = generate(folder, nest, tarballs);
    run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], { cwd, env: withNode(nodes[0]) });
    run('npm', ['run', 'build'], { cwd, env: withNode(nodes[0]) });
    for (const node of nodes) {
      console.log(`\nNest ${nest} on Node ${node}`);
      await serve(cwd, withNode(node));
      run('npm', ['test'], { cwd, env: { ...withNode(node), CI: '1' } });
    }
  }
}

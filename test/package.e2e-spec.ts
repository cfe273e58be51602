import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterTest } from './support/cleanup.js';
import { startPublic } from './support/client-app.js';
import { run, start } from './support/processes.js';
import { openStream } from './support/sse-reader.js';

interface Manifest {
  readonly dependencies?: Record<string, string>;
  readonly devDependencies: Record<string, string>;
}

const source = `
import 'reflect-metadata';
import { Controller, Module, Param, Post, Sse, type MessageEvent } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventBus, isGap, PushModule, topic, type GapNotice, type ServerMessage } from 'nestjs-push';
import { map, type Observable } from 'rxjs';

declare module 'nestjs-push' {
  interface PushTopics {
    'orders.*': { status: 'paid' | 'shipped' };
    news: string;
  }
}

// @ts-expect-error -- the protocol has no such reason
const reason: GapNotice['reason'] = 'lost';
const heartbeat: ServerMessage = { event: 'heartbeat', data: { id: reason } };
// @ts-expect-error -- an id is a string
const silence: ServerMessage = { event: 'heartbeat', data: { id: 1 } };
console.log(heartbeat, silence);

@Controller('orders')
class OrdersController {
  constructor(private readonly events: EventBus) {}

  @Sse(':id/events')
  watch(@Param('id') id: string): Observable<MessageEvent> {
    return this.events.stream(topic\`orders.\${id}\`);
  }

  @Sse(':id/status')
  status(@Param('id') id: string): Observable<MessageEvent> {
    const events = this.events.stream(topic<'orders.*'>\`orders.\${id}\`);
    // @ts-expect-error -- an event of the declared topic has no such field; a gap notice is no event
    events.forEach((message) => !isGap(message) && message.data.state).catch(() => undefined);
    this.events.stream(['orders.1', 'news'], { envelope: true }).forEach(({ data }) => 'topic' in data);
    return events.pipe(
      map((message) => (isGap(message) ? message : { ...message, data: message.data.status })),
    );
  }

  @Post(':id/ship')
  ship(@Param('id') id: string): Promise<string> {
    // @ts-expect-error -- the declared topic takes no such status
    void this.events.publish(topic<'orders.*'>\`orders.\${id}\`, { status: 'lost' }, { ephemeral: true, except: 'nobody' });
    return this.events.publish(topic<'orders.*'>\`orders.\${id}\`, { status: 'shipped' });
  }
}

@Module({ imports: [PushModule.forRoot()], controllers: [OrdersController] })
class AppModule {}

const app = await NestFactory.create(AppModule, { logger: ['error', 'warn'] });
await app.listen(0, '127.0.0.1');
console.log(\`port \${(app.getHttpServer().address() as { port: number }).port}\`);
`;

/** What `nest new` would write, as far as it matters here. */
async function generate(folder: string, tarball: string): Promise<void> {
  const { devDependencies } = JSON.parse(await readFile('package.json', 'utf8')) as Manifest;
  const names = ['common', 'core', 'platform-express', 'platform-ws', 'websockets'].map(
    (name) => `@nestjs/${name}`,
  );
  const peers = [
    'class-transformer',
    'class-validator',
    'reflect-metadata',
    'rxjs',
    'ws',
    '@types/node',
    'typescript',
  ];
  const dependencies = Object.fromEntries([...names, ...peers].map((name) => [name, devDependencies[name]]));
  const manifest = {
    name: 'fresh',
    private: true,
    type: 'module',
    dependencies: { ...dependencies, 'nestjs-push': tarball },
  };
  const compilerOptions = {
    ...{
      target: 'ES2022',
      module: 'nodenext',
      strict: true,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
    ...{ outDir: 'dist', rootDir: 'src', types: ['node'] },
  };
  await mkdir(join(folder, 'src'));
  await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
  await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['src'] }));
  await writeFile(join(folder, 'src/main.ts'), source);
}

describe('The packed library', () => {
  it('installs into a fresh Nest application outside the repository, with types, and pushes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'push-package-'));
    afterTest(() => rm(folder, { recursive: true, force: true }));
    await run(resolve('libs/push'), 'npm', 'pack', '--pack-destination', folder);
    const { version } = JSON.parse(await readFile('libs/push/package.json', 'utf8')) as { version: string };
    await generate(folder, `file:nestjs-push-${version}.tgz`);
    await run(folder, 'npm', 'install', '--prefer-offline', '--no-audit', '--no-fund');
    await run(folder, process.execPath, 'node_modules/typescript/bin/tsc');

    const app = start(process.execPath, ['dist/main.js'], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await app.untilOutput('port ');
    const url = `http://127.0.0.1:${/port (\d+)/.exec(app.output)![1]}/orders/42`;
    const streams = [await openStream(`${url}/events`), await openStream(`${url}/status`)];
    await fetch(`${url}/ship`, { method: 'POST' });
    for (const [index, data] of ['{"status":"shipped"}', 'shipped'].entries())
      await streams[index]!.until(() => streams[index]!.data.includes(data));
  }, 240_000);
});

const clientSource = `
import { connect, PushError, type GapNotice } from 'nestjs-push-client';
import { connectWith, sse } from 'nestjs-push-client/core';

declare const process: { argv: string[] };

interface Topics {
  'orders.*': { status: 'paid' | 'shipped' };
}

const push = connect<Topics>(process.argv[2]!);
const core = connectWith<Topics>(process.argv[2]!, {}, { sse });
core.onGap((gap: GapNotice) => console.log(gap.reason));
// @ts-expect-error -- the protocol has no such reason
core.onGap(({ reason }) => reason === 'lost');
const stop = push.on('orders.42', ({ status }, { topic }) => {
  const known: 'paid' | 'shipped' = status;
  console.log(\`handled \${topic} \${known}\`);
  push.close();
  core.close();
});
// @ts-expect-error -- what is declared is no number
push.on('orders.*', (order: number) => order)();
// @ts-expect-error -- the declared topic takes no such status
await push.publish('orders.42', { status: 'lost' }).catch((error: PushError) => console.log(error.code));
await stop.live;
console.log('live');
`;

describe('The packed client', () => {
  it('installs outside the repository without anything else, with types, and connects', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'push-client-'));
    afterTest(() => rm(folder, { recursive: true, force: true }));
    await run(resolve('libs/push-client'), 'npm', 'pack', '--pack-destination', folder);
    const { version } = JSON.parse(await readFile('libs/push-client/package.json', 'utf8')) as {
      version: string;
    };
    const tarball = `file:nestjs-push-client-${version}.tgz`;
    const manifest = {
      name: 'fresh',
      private: true,
      type: 'module',
      dependencies: { 'nestjs-push-client': tarball },
    };
    const strict = { target: 'ES2022', strict: true, types: [], lib: ['ES2022', 'DOM'] };
    await writeFile(join(folder, 'package.json'), JSON.stringify(manifest));
    await writeFile(join(folder, 'main.ts'), clientSource);
    await run(folder, 'npm', 'install', '--offline', '--no-audit', '--no-fund');
    for (const module of ['preserve', 'nodenext']) {
      const compilerOptions = { ...strict, module };
      await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
      await run(folder, process.execPath, resolve('node_modules/typescript/bin/tsc'));
    }
    const app = await startPublic();
    const program = start(process.execPath, ['main.js', app.url('/push')], {
      cwd: folder,
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await program.untilOutput('live');
    expect(program.output).toContain('FORBIDDEN');
    await app.bus.publish('orders.42', { status: 'shipped' });
    await program.untilOutput('handled orders.42 shipped');
    expect(await program.untilExit()).toMatchObject({ code: 0 });
  }, 240_000);
});

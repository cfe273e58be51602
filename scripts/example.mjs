/*
 * Compiles the examples, and runs one of them: `npm run example prices/after`. A page of the board is built by Vite first:
 * `npm run example board/react`.
 */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [name = ''] = process.argv.slice(2);
const isBoard = /^board\/(react|vue|angular)$/.test(name);
if (!isBoard && !/^(prices|orders|rooms)\/(before|after)$/.test(name)) {
  console.error('Which one? npm run example prices|orders|rooms/before|after, or board/react|vue|angular');
  process.exit(1);
}
const compiler = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'));
execFileSync(process.execPath, [compiler, '-p', 'examples/tsconfig.build.json'], { stdio: 'inherit' });
if (isBoard) {
  const { build } = await import('vite');
  const outDir = fileURLToPath(new URL(`../examples/dist/${name}`, import.meta.url));
  await build({ root: `examples/${name}`, build: { outDir, emptyOutDir: true } });
  process.env.PAGE = outDir;
}
await import(new URL(`../examples/dist/${isBoard ? 'board/server' : name}/main.js`, import.meta.url));

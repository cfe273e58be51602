/* Compiles the examples, and runs one of them: `npm run example prices/after`. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const [name] = process.argv.slice(2);
if (!/^(prices|orders|rooms)\/(before|after)$/.test(name ?? '')) {
  console.error('Which one? npm run example prices|orders|rooms/before|after');
  process.exit(1);
}
const compiler = fileURLToPath(import.meta.resolve('typescript/lib/tsc.js'));
execFileSync(process.execPath, [compiler, '-p', 'examples/tsconfig.build.json'], { stdio: 'inherit' });
await import(new URL(`../examples/dist/${name}/main.js`, import.meta.url));

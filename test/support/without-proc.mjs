/* For `--import`: nothing below /proc can be read, as on macOS and Windows. Says "no /proc" each time that something tries. */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

function refusing(read) {
  return function (path, ...rest) {
    if (!String(path).startsWith('/proc')) return read.call(this, path, ...rest);
    process.stdout.write('no /proc\n');
    return read.call(this, `/nonexistent${path}`, ...rest);
  };
}

for (const name of ['readFile', 'open', 'readdir', 'stat', 'access'])
  fs.promises[name] = refusing(fs.promises[name]);
for (const name of ['readFileSync', 'openSync', 'readdirSync', 'readFile', 'open', 'createReadStream'])
  fs[name] = refusing(fs[name]);
syncBuiltinESMExports();

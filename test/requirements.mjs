/*
 * The programs that the tests need from the system. What is missing is installed with apt-get where that is possible
 * without a question; otherwise each missing program is named, and the exit code is 1.
 */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { userInfo } from 'node:os';

/** Any of `programs` will do; so will any of `packages` (Debian's names), whichever there is. `services` must not run. */
const requirements = [
  { name: 'Chromium', programs: [process.env.CHROMIUM ?? '/usr/bin/chromium'], packages: ['chromium'] },
  {
    name: 'Firefox',
    programs: ['firefox-esr', 'firefox'],
    packages: ['firefox-esr', 'firefox'],
  },
  {
    name: 'Redis',
    programs: ['redis-server'],
    packages: ['redis-server'],
    services: ['redis-server'],
  },
  { name: 'NATS', programs: ['nats-server'], packages: ['nats-server'], services: ['nats-server'] },
  {
    name: 'PostgreSQL',
    // Any version from 15 on: they lie side by side.
    programs: ['19', '18', '17', '16', '15'].map((version) => `/usr/lib/postgresql/${version}/bin/postgres`),
    packages: ['postgresql-15', 'postgresql-16', 'postgresql-17', 'postgresql-18'],
    services: ['postgresql'],
  },
  { name: 'PgBouncer', programs: ['pgbouncer'], packages: ['pgbouncer'], services: ['pgbouncer'] },
  { name: 'nginx', programs: ['nginx'], packages: ['nginx'], services: ['nginx'] },
  { name: 'HAProxy', programs: ['haproxy'], packages: ['haproxy'], services: ['haproxy'] },
  // A package of Python is a folder.
  {
    name: 'websockets for Python',
    programs: ['/usr/lib/python3/dist-packages/websockets'],
    packages: ['python3-websockets'],
  },
  {
    name: 'websocket-client for Python',
    programs: ['/usr/lib/python3/dist-packages/websocket'],
    packages: ['python3-websocket'],
  },
  // GCC's takes 220 MB, Go's own 450.
  {
    name: 'Go',
    programs: ['/usr/bin/go-12', '/usr/bin/go-13', '/usr/bin/go-14', '/usr/bin/go'],
    packages: ['gccgo', 'golang-go'],
  },
  {
    name: 'gorilla/websocket for Go',
    programs: ['/usr/share/gocode/src/github.com/gorilla/websocket'],
    packages: ['golang-github-gorilla-websocket-dev'],
  },
  {
    name: 'donovanhide/eventsource for Go',
    programs: ['/usr/share/gocode/src/github.com/donovanhide/eventsource'],
    packages: ['golang-github-donovanhide-eventsource-dev'],
  },
  { name: 'curl', programs: ['curl'], packages: ['curl'] },
  { name: 'nghttp2', programs: ['nghttp'], packages: ['nghttp2-client'] },
];

/** Servers are often where only the administrator's PATH leads. */
const folders = new Set([
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/local/bin',
  '/usr/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/sbin',
]);

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isThere(program) {
  if (program.includes('/')) return isExecutable(program);
  return [...folders].some((folder) => isExecutable(join(folder, program)));
}

function missing() {
  return requirements.filter(({ programs }) => !programs.some(isThere));
}

/** How commands are run as the administrator without a question, or nothing if they cannot be. */
function administrator() {
  if (userInfo().uid === 0) return [];
  const allowed = isThere('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  return allowed ? ['sudo', '-n'] : undefined;
}

/**
 * Debian starts what it installs, unless policy-rc.d says no (invoke-rc.d(8)); and enables it for the next start of the
 * machine, where there is systemd. $1: services; the rest: for each program its packages, of which one is enough.
 */
const installation = `
services=$1; shift
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod 755 $policy
fi
apt-get -qq update
for packages in "$@"; do
  for package in $packages; do
    apt-get -qq install -y --no-install-recommends -o DPkg::Lock::Timeout=120 -o Dpkg::Use-Pty=0 $package && break
  done
done
if [ -d /run/systemd/system ] && [ -n "$services" ]; then systemctl -q disable --now $services; fi
exit 0
`;

/** Says what it does on stderr; what apt-get says goes there too. */
function install(wanted) {
  const asAdministrator = isThere('apt-get') ? administrator() : undefined;
  if (!asAdministrator) return;
  console.error(`Installing what the tests need: ${wanted.map(({ name }) => name).join(', ')}.`);
  const services = wanted.flatMap(({ services }) => services ?? []).join(' ');
  const packages = wanted.map(({ packages }) => packages.join(' '));
  const [command, ...rest] = [...asAdministrator, 'sh', '-c', installation, 'sh', services, ...packages];
  spawnSync(command, rest, { stdio: ['ignore', 2, 2] });
}

if (missing().length > 0) install(missing());

for (const { name, programs, packages } of missing()) {
  console.error(
    `${name} is missing: the tests need ${programs.join(' or ')}. Install it; on Debian and Ubuntu the package is` +
      ` ${packages.join(' or ')}.`,
  );
  process.exitCode = 1;
}

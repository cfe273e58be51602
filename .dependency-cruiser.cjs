/*
 * The direction of imports (ARCHITECTURE.md, "The rooms"): the data path is a strict DAG.
 * Tests may import what they test; contract suites may import everything but the door.
 */
const only = (from, to) => ({
  name: `${from}-imports-only-${to.join('+') || 'itself'}`,
  severity: 'error',
  from: { path: `^libs/push/src/${from}/`, pathNot: '\\.spec\\.ts$' },
  to: { path: '^libs/push/src/', pathNot: `^libs/push/src/(${[from, ...to].join('|')})/` },
});

module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    only('contracts', []),
    only('wire', ['contracts']),
    only('hub', ['contracts']),
    only('postgres', ['contracts']),
    only('backplane', ['postgres', 'contracts']),
    only('bus', ['hub', 'contracts']),
    only('outbox', ['postgres', 'bus', 'hub', 'contracts']),
    only('state', ['clients', 'access', 'bus', 'hub', 'contracts']),
    only('runs', ['state', 'bus', 'hub', 'contracts']),
    only('handlers', ['state', 'bus', 'hub', 'platform', 'contracts']),
    only('platform', ['contracts']),
    only('access', ['bus', 'contracts']),
    only('resources', ['platform', 'contracts']),
    only('clients', ['access', 'bus', 'hub', 'platform', 'wire', 'contracts']),
    only('ai', ['runs', 'transport', 'bus', 'platform', 'wire', 'hub', 'access', 'contracts']),
    only('transport', ['state', 'clients', 'access', 'bus', 'hub', 'platform', 'wire', 'contracts']),
    only('graphql', ['bus', 'hub', 'contracts']),
    // What describes the others: nothing imports it.
    only('asyncapi', ['state', 'access', 'bus', 'platform', 'wire', 'contracts']),
    // What watches the others: nothing imports it.
    only('operations', ['transport', 'handlers', 'clients', 'access', 'bus', 'hub', 'platform', 'contracts']),
    // What applications test with: it reads all of a node, and nothing imports it.
    only('testing/app', [
      'handlers',
      'clients',
      'access',
      'backplane',
      'bus',
      'hub',
      'platform',
      'contracts',
    ]),
    {
      name: 'the-core-of-the-client-knows-none-of-its-shells',
      severity: 'error',
      from: { path: '^libs/push-client/src/([^/]+\\.ts|tabs/.*|transports/.*)$', pathNot: '\\.spec\\.ts$' },
      to: {
        path: '^libs/push-client/src/',
        pathNot: '^libs/push-client/src/([^/]+\\.ts|(tabs|transports)/.*)$',
      },
    },
    {
      name: 'shells-of-the-client-are-strangers',
      severity: 'error',
      from: { path: '^libs/push-client/src/(angular|react|tanstack-db|tanstack-query|vue|route|offline)/' },
      to: {
        path: '^libs/push-client/src/(angular|react|tanstack-db|tanstack-query|vue|route|offline)/',
        pathNot: '^libs/push-client/src/$1/',
      },
    },
    {
      name: 'transports-are-strangers',
      severity: 'error',
      from: { path: '^libs/push/src/transport/([^/]+)/' },
      to: { path: '^libs/push/src/transport/[^/]+/', pathNot: '^libs/push/src/transport/$1/' },
    },
    {
      name: 'sets-of-topics-stand-alone',
      severity: 'error',
      from: { path: '^libs/push/src/hub/topics/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/push/src/hub/', pathNot: '^libs/push/src/hub/topics/' },
    },
    {
      name: 'the-window-knows-no-reader',
      severity: 'error',
      from: { path: '^libs/push/src/hub/window/', pathNot: '\\.spec\\.ts$' },
      to: { path: '^libs/push/src/hub/(replay|fan-out)/' },
    },
    {
      name: 'what-is-inside-nest-has-two-files',
      severity: 'error',
      from: { path: '^libs/push/src/', pathNot: '/platform/nest-(internals|sse-stream)\\.ts$|\\.spec\\.ts$' },
      to: {
        path: 'node_modules/@nestjs/(common|core)/.+',
        pathNot: 'node_modules/@nestjs/(common|core)/index\\.',
      },
    },
    {
      name: 'no-barrel-inside',
      severity: 'error',
      from: { path: '^libs/push/src/.+/' },
      to: {
        path: '^libs/push/src/(index|(ai|asyncapi|graphql|outbox|transport|testing|testing/app|operations/[^/]+|backplane/(kit|redis|nats|postgres))/index)\\.ts$',
      },
    },
    {
      name: 'backplanes-are-siblings',
      severity: 'error',
      from: { path: '^libs/push/src/backplane/([^/]+)/', pathNot: '\\.spec\\.ts$' },
      // They share the kit alone.
      to: { path: '^libs/push/src/backplane/', pathNot: '^libs/push/src/backplane/($1|kit)/' },
    },
    {
      name: 'the-app-uses-the-packages-as-users-do',
      severity: 'error',
      from: { path: '^(src|test|examples)/' },
      to: { path: '^libs/[^/]+/src/' },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules|/dist/' },
    exclude: { path: '/dist/' },
  },
};

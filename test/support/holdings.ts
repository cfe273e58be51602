import type { INestApplication } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';

type Sized = { readonly size: number };

/** What providers hold that no application can inject. Who renames one of these is told so: it is then not found. */
interface Holders {
  readonly Clients: Sized;
  readonly Hooks: { readonly connecting: Sized };
  readonly TimerWheel: Sized;
  readonly TurnQueue: { readonly waiting: readonly unknown[] };
  readonly HttpSockets: { readonly sockets: Sized; readonly busy: Sized };
  readonly Handshakes: { readonly pending: Sized };
  readonly Http2Sessions: { readonly sessions: Sized };
  readonly Sessions: { readonly users: ReadonlyMap<string, { readonly members: Sized }> };
  readonly ConnectionLimiter: { readonly taken: number; readonly byAddress: Sized };
  readonly Authentication: { readonly pending: number };
  readonly Snapshots: Sized;
  readonly Hub: { readonly cursors: ReadonlySet<{ readonly connection: object }> };
}

function holdersOf(nest: INestApplication): Holders | undefined {
  const modules = [...nest.get(ModulesContainer, { strict: false }).values()];
  const push = modules.find(({ metatype }) => metatype.name === 'PushModule');
  if (!push) return undefined;
  const named = [...push.providers.values()].map(({ token, instance }) => [
    typeof token === 'function' ? token.name : String(token),
    instance,
  ]);
  return Object.fromEntries(named) as unknown as Holders;
}

/** A reader of the application's own is no client's. */
function isClient(connection: object): boolean {
  return 'transport' in connection || (connection as { client?: unknown }).client !== undefined;
}

/** What an application holds for its clients at the moment. Empty where there are none, or where nobody uses the module. */
export function holdingsOf(nest: INestApplication): Readonly<Record<string, number>> {
  const holders = holdersOf(nest);
  if (!holders) return {};
  const counts: Record<string, number> = {
    connections: holders.Clients.size,
    cursors: [...holders.Hub.cursors].filter(({ connection }) => isClient(connection)).length,
    places: holders.ConnectionLimiter.taken,
    addresses: holders.ConnectionLimiter.byAddress.size,
    decisions: holders.Authentication.pending,
    snapshots: holders.Snapshots.size,
    members: [...holders.Sessions.users.values()].reduce((sum, { members }) => sum + members.size, 0),
    heartbeats: holders.TimerWheel.size,
    connecting: holders.Hooks.connecting.size,
    turns: holders.TurnQueue.waiting.length,
    sockets: holders.HttpSockets.sockets.size,
    requests: holders.HttpSockets.busy.size,
    handshakes: holders.Handshakes.pending.size,
    sessions: holders.Http2Sessions.sessions.size,
  };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

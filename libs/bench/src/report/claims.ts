import { carried, peerNamed } from '../peers.js';
import type { Result } from './result.js';

/** Something that nestjs-push says of itself. What is compared was measured in one run, on one machine. */
interface Claim {
  readonly scenario: string;
  readonly key: string;
  readonly ours: string;
  /** Whom it is compared with; without, the figure itself counts. */
  readonly than?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** A claim, held against what was measured. */
export interface Verdict {
  readonly claim: string;
  readonly goal: string;
  readonly measured: number;
  readonly isReached: boolean;
}

const saturation = (scenario: string): Claim[] =>
  (
    [
      ['push-sse', 'nest-sse', 100],
      ['push-sse-express', 'nest-sse-express', 100],
      ['push-sse', 'better-sse', 25],
      ['push-sse', 'shared-sse', 0.9],
      ['push-sse-express', 'shared-sse', 0.9],
      ['push-ws', 'nest-ws', 50],
      ['push-ws', 'socket-io', 50],
      ['push-ws', 'shared-ws', 0.9],
    ] as const
  ).map(([ours, than, atLeast]) => ({ scenario, key: 'deliveries', ours, than, atLeast }));

const claims: readonly Claim[] = [
  ...saturation('saturation-500'),
  ...saturation('saturation-5000'),
  { scenario: 'latency', key: 'p99', ours: 'push-sse', than: 'raw-http', atMost: 1 },
  { scenario: 'latency', key: 'p99', ours: 'push-ws', than: 'raw-ws', atMost: 1 },
  { scenario: 'tail', key: 'ratio', ours: 'push-ws', atMost: 1.2 },
  { scenario: 'topics', key: 'ratio', ours: 'push-sse', atLeast: 0.8 },
  { scenario: 'topics', key: 'ratio', ours: 'push-ws', atLeast: 0.8 },
  { scenario: 'publish', key: 'nobodyAwaited', ours: 'push-sse', atLeast: 500_000 },
  { scenario: 'publish', key: 'oneAwaited', ours: 'push-sse', atLeast: 200_000 },
  { scenario: 'observability', key: 'fanOut', ours: 'push-sse', atLeast: 0.95 },
  { scenario: 'observability', key: 'fanOut', ours: 'push-ws', atLeast: 0.95 },
  ...['push-sse', 'push-ws'].flatMap((ours): Claim[] => [
    { scenario: 'compression', key: 'ordersFactor', ours, atLeast: 4 },
    { scenario: 'compression', key: 'ordersCpu', ours, atLeast: 0.8 },
    { scenario: 'compression', key: 'tokensFactor', ours, atLeast: 6 },
    { scenario: 'compression', key: 'tokensCpu', ours, atLeast: 0.8 },
  ]),
  ...carried.flatMap(({ name: ours }): Claim[] =>
    ['oneBare', 'fiveBare', 'pacedBare'].map((key) => ({ scenario: 'encrypted', key, ours, atLeast: 0.95 })),
  ),
  { scenario: 'memory', key: 'perClient', ours: 'push-sse', atMost: 16 },
  { scenario: 'memory', key: 'perClient', ours: 'push-sse-express', atMost: 16 },
  { scenario: 'memory', key: 'perClient', ours: 'push-ws', atMost: 10 },
  { scenario: 'reconnect', key: 'seconds', ours: 'push-sse', atMost: 3 },
  { scenario: 'reconnect', key: 'seconds', ours: 'push-sse-express', atMost: 3 },
  { scenario: 'reconnect', key: 'seconds', ours: 'push-ws', atMost: 3 },
  { scenario: 'stalled', key: 'ratio', ours: 'push-sse', atLeast: 0.9 },
  { scenario: 'stalled', key: 'ratio', ours: 'push-ws', atLeast: 0.9 },
  { scenario: 'distinct-topics', key: 'ratio', ours: 'push-ws', atLeast: 0.9 },
  { scenario: 'state', key: 'ratio', ours: 'push-sse', atLeast: 0.7 },
  { scenario: 'state', key: 'memoryRatio', ours: 'push-sse', atMost: 1.2 },
  { scenario: 'joining', key: 'ratio', ours: 'push-sse', atMost: 1.2 },
];

/** The claims that these results can speak of. */
export function verdicts(results: readonly Result[]): Verdict[] {
  return claims.flatMap((claim) => {
    const result = results.find(({ name }) => name === claim.scenario);
    const own = figure(result, claim.ours, claim.key);
    const other = claim.than === undefined ? 1 : figure(result, claim.than, claim.key);
    if (!result || own === undefined || other === undefined) return [];
    const measured = own / other;
    const isReached = measured >= (claim.atLeast ?? -Infinity) && measured <= (claim.atMost ?? Infinity);
    return [{ claim: nameOf(claim, result), goal: goalOf(claim), measured, isReached }];
  });
}

/** As a Markdown table. */
export function verdictTable(all: readonly Verdict[]): string {
  const rows = all.map(({ claim, goal, measured, isReached }) => {
    const digits = measured < 100 ? 2 : 0;
    const text = measured.toLocaleString('en', { maximumFractionDigits: digits });
    return `| ${claim} | ${goal} | ${text} | ${isReached ? 'yes' : '**no**'} |`;
  });
  return [
    '### Claims',
    '',
    '| | goal | measured | reached |',
    '| --- | ---: | ---: | :---: |',
    ...rows,
    '',
  ].join('\n');
}

function figure(result: Result | undefined, peer: string, key: string): number | undefined {
  const value = result?.rows.find((row) => row.peer === peer)?.figures[key];
  return typeof value === 'number' ? value : undefined;
}

function nameOf({ key, ours, than }: Claim, { title, columns }: Result): string {
  const { title: column } = columns.find((each) => each.key === key)!;
  const { transport, title: own } = peerNamed(ours);
  const comparison = than === undefined ? '' : ` ÷ ${peerNamed(than).title}`;
  return `${title.split(':')[0]!}${subjectOf(title)}, ${column}: ${transport}, ${own}${comparison}`;
}

/** The number of subscribers tells two saturation scenarios apart. */
function subjectOf(title: string): string {
  const subscribers = /^Saturation: ([\d,]+)/.exec(title)?.[1];
  return subscribers === undefined ? '' : ` (${subscribers})`;
}

function goalOf({ than, atLeast, atMost }: Claim): string {
  const factor = than === undefined ? '' : ' ×';
  const bound = (atLeast ?? atMost!).toLocaleString('en');
  return `${atLeast === undefined ? '≤' : '≥'} ${bound}${factor}`;
}

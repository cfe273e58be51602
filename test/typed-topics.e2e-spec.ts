import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type * as Ts from 'typescript';

const ts = createRequire(import.meta.url)('typescript') as typeof Ts;
const options: Ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  experimentalDecorators: true,
  types: ['node'],
};

/** What an application declares. */
const declarations = `
declare module 'nestjs-push' {
  interface PushTopics {
    'orders.*': { status: 'paid' | 'shipped' };
    'users.*.visits': number;
  }
}
export {};
`;

const imports = `import { EventBus, OnPush, type GapNotice, type OnPushEvent } from 'nestjs-push';
declare const bus: EventBus;
`;

/** A class with one method, as TypeScript. */
const handler = (decorator: string, method: string, rest = '') =>
  `class Handlers { @OnPush(${decorator}) ${method} ${rest} }\nexport { Handlers };`;

/** What the compiler says of each of some files, without the places. */
async function problemsOf(codes: readonly string[]): Promise<string[][]> {
  const folder = resolve('node_modules', '.cache', 'typed-topics');
  await mkdir(folder, { recursive: true });
  const write = async (name: string, text: string) => {
    await writeFile(join(folder, name), text);
    return join(folder, name);
  };
  await write('package.json', '{ "type": "module" }');
  const shared = await write('topics.ts', declarations);
  const files = await Promise.all(codes.map((code, index) => write(`case-${index}.ts`, imports + code)));
  const program = ts.createProgram([shared, ...files], options);
  const found = files.map((file) => ts.getPreEmitDiagnostics(program, program.getSourceFile(file)));
  await rm(folder, { recursive: true });
  return found.map((each) =>
    each.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' ')),
  );
}

const right: readonly (readonly [string, string])[] = [
  [
    'data and parameters of a handler',
    handler(
      `'orders.:id'`,
      `m({ data, params }: OnPushEvent<'orders.:id'>) { const a: 'paid' | 'shipped' = data.status; const b: string = params.id; return [a, b]; }`,
    ),
  ],
  [
    'a handler that takes a part of the event',
    handler(`'orders.:id', { group: 'g' }`, `m({ data }: { data: { status: string } }) { return data; }`),
  ],
  [
    'a handler of topics that nothing declares',
    handler(`'others.>'`, `m({ data }: { data: unknown }) { return data; }`),
  ],
  [
    'parameters in the middle',
    handler(
      `'users.:user.visits'`,
      `m({ data, params }: OnPushEvent<'users.:user.visits'>) { return data + params.user.length; }`,
    ),
  ],
  [
    'the method for gaps',
    handler(
      `'orders.*', { group: 'g', onGap: 'missed' }`,
      `m(event: OnPushEvent) { return event; }`,
      `missed(gap: GapNotice) { return gap; }`,
    ),
  ],
];

const wrong: readonly (readonly [string, string, string])[] = [
  [
    'data of another type',
    handler(`'orders.:id'`, `m({ data }: { data: number }) { return data; }`),
    'number',
  ],
  [
    'a parameter that the pattern does not have',
    handler(`'orders.:id'`, `m({ params }: OnPushEvent<'orders.:id'>) { return params.order; }`),
    "'order' does not exist",
  ],
  [
    'a handler without the parameter that it takes',
    handler(`'orders.*'`, `m({ params }: { params: { id: string } }) { return params; }`),
    'params',
  ],
  [
    'a method for gaps that is missing',
    handler(`'orders.*', { group: 'g', onGap: 'missed' }`, `m(event: OnPushEvent) { return event; }`),
    'missed',
  ],
  ['an option that does not exist', handler(`'orders.*', { grup: 'g' }`, `m() {}`), 'grup'],
  ['published data of another type', `await bus.publish('orders.1', { status: 'lost' });`, 'lost'],
  [
    'a stream of another type',
    `bus.on('orders.*').subscribe(({ data }) => data.total);`,
    "'total' does not exist",
  ],
];

describe('Declared topics', () => {
  let problems: string[][] = [];
  beforeAll(async () => void (problems = await problemsOf([...right, ...wrong].map(([, code]) => code))));

  it.each(right.map(([title], index) => [title, index] as const))('let through %s', (_, index) => {
    expect(problems[index]).toEqual([]);
  });

  it.each(wrong.map(([title, , problem], index) => [title, problem, right.length + index] as const))(
    'do not compile with %s',
    (_, problem, index) => {
      expect(problems[index]!.join('\n')).toContain(problem);
      expect(problems[index]).toHaveLength(1);
    },
  );
});

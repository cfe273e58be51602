import { mkdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import type * as Ts from 'typescript';
import { afterTest } from './support/cleanup.js';

const ts = createRequire(import.meta.url)('typescript') as typeof Ts;
const entries = [
  ...[
    'nestjs-push',
    'nestjs-push/redis',
    'nestjs-push/nats',
    'nestjs-push/postgres',
    'nestjs-push/outbox',
    'nestjs-push/transport',
    'nestjs-push/testing',
    'nestjs-push/testing/app',
  ],
  ...[
    'nestjs-push/ai',
    'nestjs-push/asyncapi',
    'nestjs-push/graphql',
    'nestjs-push/terminus',
    'nestjs-push/opentelemetry',
  ],
  'nestjs-push/dashboard',
  ...['nestjs-push-client', 'nestjs-push-client/history'],
  ...['nestjs-push-client/state', 'nestjs-push-client/snapshot', 'nestjs-push-client/presence'],
  'nestjs-push-client/run',
];
const options: Ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  skipLibCheck: true,
  declaration: true,
  emitDeclarationOnly: true,
  experimentalDecorators: true,
  types: ['node'],
};

/** What an application may write that exports, by inference, whatever a symbol of an entry has. */
function linesFor(checker: Ts.TypeChecker, symbol: Ts.Symbol, name: string): string[] {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  if (target.flags & ts.SymbolFlags.Function) return [`export const of_${name} = push.${name};`];
  if (!(target.flags & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface))) return [];
  const declaration = target.declarations![0] as Ts.InterfaceDeclaration;
  const required = (declaration.typeParameters ?? []).filter((each) => !each.default);
  const type = `push.${name}${required.length > 0 ? `<${required.map((each) => each.constraint?.getText() ?? 'unknown').join(', ')}>` : ''}`;
  const members = checker
    .getPropertiesOfType(checker.getDeclaredTypeOfSymbol(target))
    .filter(
      (member) =>
        !member.declarations?.some(
          (each) =>
            ts.getCombinedModifierFlags(each) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected),
        ) &&
        /^\w+$/.test(member.name) &&
        !member.getJsDocTags(checker).some((tag) => tag.name === 'internal'),
    );
  return members.map(
    ({ name: member }) => `export const of_${name}_${member} = (it: ${type}) => it.${member};`,
  );
}

describe.each(entries)('The types of %s', (entry) => {
  it('can be inferred, exported again and declared by an application', async () => {
    const folder = resolve('node_modules', '.cache', 'declarations', entry.replaceAll('/', '-'));
    await mkdir(folder, { recursive: true });
    afterTest(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, 'package.json'), '{ "type": "module" }');
    const file = join(folder, 'consumer.ts');
    await writeFile(file, `import * as push from '${entry}';\nexport { push };\n`);
    const first = ts.createProgram([file], options);
    const checker = first.getTypeChecker();
    const [statement] = first.getSourceFile(file)!.statements;
    const specifier = (statement as Ts.ImportDeclaration).moduleSpecifier;
    const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(specifier)!);
    const lines = exported.flatMap((symbol) => linesFor(checker, symbol, symbol.name));
    expect(lines.length).toBeGreaterThan(0);
    // Whoever uses one of the others has the first one too.
    const imports = [`import * as push from '${entry}';`, `import type {} from 'nestjs-push';`];
    await writeFile(file, [...imports, ...lines, ''].join('\n'));
    const program = ts.createProgram([file], options);
    let declarations = '';
    const emitted = program.emit(undefined, (_, text) => (declarations += text));
    const problems = [...ts.getPreEmitDiagnostics(program), ...emitted.diagnostics].map(
      ({ code, messageText }) => `TS${code}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
    );
    expect(problems).toEqual([]);
    // A relative path, or one into the package, is nothing that an application could import.
    const unreachable = declarations
      .split('\n')
      .filter((line) => /import\("(?:\.|nestjs-push[\w-]*\/dist)/.test(line));
    expect(unreachable).toEqual([]);
  }, 180_000);
});

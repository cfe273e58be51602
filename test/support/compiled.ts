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

/** An application that is compiled, and not run. */
export interface Compilation {
  /** A name of its own: where its files are. */
  readonly name: string;
  /** What its package says of the modules in it. */
  readonly type: 'module' | 'commonjs';
  /** The file `topics.ts` of all: what the application declares. */
  readonly topics: string;
  /** What each of the files begins with. */
  readonly imports: string;
}

/** What the compiler says of each of some files of an application, without the places. */
export async function problemsOf(
  { name, type, topics, imports }: Compilation,
  codes: readonly string[],
): Promise<string[][]> {
  const folder = resolve('node_modules', '.cache', name);
  await mkdir(folder, { recursive: true });
  const write = async (file: string, text: string) => {
    await writeFile(join(folder, file), text);
    return join(folder, file);
  };
  await write('package.json', JSON.stringify({ type }));
  const shared = await write('topics.ts', topics);
  const files = await Promise.all(
    codes.map((code, index) => write(`case-${index}.ts`, `${imports}\n${code}\nexport {};\n`)),
  );
  const program = ts.createProgram([shared, ...files], options);
  const of = (file: string) =>
    ts
      .getPreEmitDiagnostics(program, program.getSourceFile(file))
      .map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
  const found = files.map(of);
  const inTopics = of(shared);
  await rm(folder, { recursive: true });
  if (inTopics.length > 0) throw new Error(inTopics.join('\n'));
  return found;
}

import { getPrismaClient, type ITXClientDenyList } from '@prisma/client/runtime/client';

/*
 * The client of a schema without models, as `prisma generate` would write it. That needs a program which is in no package; the
 * runtime and the adapter do not.
 */

type Runtime = ReturnType<typeof getPrismaClient>;

/** As it is generated: with types. */
export interface PrismaClient extends Omit<InstanceType<Runtime>, '$transaction'> {
  $transaction<Result>(work: (tx: PrismaTransaction) => Promise<Result>): Promise<Result>;
}

/** What the client of a transaction has. */
export type PrismaTransaction = Omit<PrismaClient, ITXClientDenyList>;

/** The types of Node 20 have none. */
const { Module } = (globalThis as unknown as { WebAssembly: { Module: new (bytes: Uint8Array) => object } })
  .WebAssembly;

const compiler = '@prisma/client/runtime/query_compiler_fast_bg.postgresql';

export const PrismaClient = getPrismaClient({
  previewFeatures: [],
  clientVersion: '7.10.0',
  engineVersion: 'none',
  activeProvider: 'postgresql',
  inlineSchema: 'datasource db {\n  provider = "postgresql"\n}\n',
  runtimeDataModel: { models: {}, enums: {}, types: {} },
  parameterizationSchema: { strings: [], graph: 'AAAA' },
  compilerWasm: {
    getRuntime: () => import(`${compiler}.mjs`),
    getQueryCompilerWasmModule: async () => {
      const { wasm } = (await import(`${compiler}.wasm-base64.mjs`)) as { wasm: string };
      return new Module(Buffer.from(wasm, 'base64'));
    },
    importName: './query_compiler_fast_bg.js',
  },
}) as unknown as new (...options: ConstructorParameters<Runtime>) => PrismaClient;

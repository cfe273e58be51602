import { readFile } from 'node:fs/promises';

/** The fragments by which a page's headings are linked to. */
export async function headingsOf(page: string): Promise<string[]> {
  const text = await readFile(page, 'utf8');
  return Array.from(text.matchAll(/^#+ (.+)$/gm), ([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\w\s-]/g, '')
      .replaceAll(/\s/g, '-'),
  );
}

/** A snippet of TypeScript on a page. */
export interface Snippet {
  /** The name of its file, which its first line says: `// app.ts`. */
  readonly name: string | undefined;
  readonly code: string;
}

/** The snippets of TypeScript on a page, in their order. */
export function snippetsOf(text: string): Snippet[] {
  return Array.from(text.matchAll(/^```ts\n([\s\S]*?)^```/gm), ([, code]) => ({
    name: /^\/\/ (\S+\.ts)\n/.exec(code!)?.[1],
    code: code!,
  }));
}

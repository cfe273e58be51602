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

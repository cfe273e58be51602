import { readFile } from 'node:fs/promises';

/** The code blocks of a section of the client's README. */
export async function codeOf(section: string): Promise<string[]> {
  const readme = await readFile('libs/push-client/README.md', 'utf8');
  const [, text] = readme.split(`\n## ${section}\n`);
  const blocks = text?.split('\n## ')[0]?.matchAll(/```ts\n([\s\S]*?)```/g) ?? [];
  return [...blocks].map(([, code]) => code!);
}

import { generate } from 'selfsigned';

/** A certificate for localhost that clients have no reason to trust, as PEM. */
export async function certificate(): Promise<{ key: string; cert: string }> {
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keyType: 'ec',
    algorithm: 'sha256',
  });
  return { key, cert };
}

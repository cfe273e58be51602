import { raw, type RawResponse } from '../../platform/raw-response.js';
import type { Reply } from '../../transport/sse/push-refusal.filter.js';
import type { PageFile } from './page.js';

const policy = {
  'default-src': "'none'",
  'script-src': "'self'",
  'style-src': "'self'",
  'connect-src': "'self'",
  'img-src': "'self' data:",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
};

/** What holds for all that the dashboard answers. */
const headers = {
  'Content-Security-Policy': Object.entries(policy)
    .map((entry) => entry.join(' '))
    .join('; '),
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
};

/** Sets the headers of an answer. The dashboard's own take the place of those that middleware has set for all routes. */
export function protect(response: RawResponse, caching = 'no-store'): void {
  for (const [name, value] of Object.entries(headers)) raw(response).setHeader(name, value);
  raw(response).setHeader('Cache-Control', caching);
}

/** Sends a file of the page, or says that the browser has it already. Each time the browser asks, so the guard is asked too. */
export function sendFile(response: RawResponse & Reply, file: PageFile, known: string | undefined): void {
  protect(response, 'private, no-cache');
  raw(response).setHeader('ETag', file.etag);
  const isKnown = known?.split(',').some((etag) => etag.trim().replace(/^W\//, '') === file.etag);
  if (isKnown) response.status(304).send('');
  else response.status(200).header('Content-Type', file.type).send(file.bytes);
}

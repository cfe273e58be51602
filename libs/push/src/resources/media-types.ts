import { extname } from 'node:path';

/** What a page uses a resource for: the `as` of a preload (https://fetch.spec.whatwg.org/#concept-potential-destination). */
export type ResourceDestination =
  'audio' | 'document' | 'fetch' | 'font' | 'image' | 'script' | 'style' | 'track' | 'video' | 'worker';

interface MediaType {
  readonly contentType: string;
  readonly destination: ResourceDestination;
}

const unknown: MediaType = { contentType: 'application/octet-stream', destination: 'fetch' };

const script: MediaType = { contentType: 'text/javascript; charset=utf-8', destination: 'script' };

const mediaTypes: Record<string, MediaType> = {
  '.avif': { contentType: 'image/avif', destination: 'image' },
  '.css': { contentType: 'text/css; charset=utf-8', destination: 'style' },
  '.gif': { contentType: 'image/gif', destination: 'image' },
  '.htm': { contentType: 'text/html; charset=utf-8', destination: 'document' },
  '.html': { contentType: 'text/html; charset=utf-8', destination: 'document' },
  '.ico': { contentType: 'image/x-icon', destination: 'image' },
  '.jpeg': { contentType: 'image/jpeg', destination: 'image' },
  '.jpg': { contentType: 'image/jpeg', destination: 'image' },
  '.js': script,
  '.json': { contentType: 'application/json; charset=utf-8', destination: 'fetch' },
  '.mjs': script,
  '.mp3': { contentType: 'audio/mpeg', destination: 'audio' },
  '.mp4': { contentType: 'video/mp4', destination: 'video' },
  '.otf': { contentType: 'font/otf', destination: 'font' },
  '.pdf': { contentType: 'application/pdf', destination: 'document' },
  '.png': { contentType: 'image/png', destination: 'image' },
  '.svg': { contentType: 'image/svg+xml', destination: 'image' },
  '.ttf': { contentType: 'font/ttf', destination: 'font' },
  '.txt': { contentType: 'text/plain; charset=utf-8', destination: 'fetch' },
  '.vtt': { contentType: 'text/vtt; charset=utf-8', destination: 'track' },
  '.wasm': { contentType: 'application/wasm', destination: 'fetch' },
  '.webm': { contentType: 'video/webm', destination: 'video' },
  '.webmanifest': { contentType: 'application/manifest+json; charset=utf-8', destination: 'fetch' },
  '.webp': { contentType: 'image/webp', destination: 'image' },
  '.woff': { contentType: 'font/woff', destination: 'font' },
  '.woff2': { contentType: 'font/woff2', destination: 'font' },
};

/** The type of a path, by its extension. A path without a known extension is data that the page fetches itself. */
export function mediaTypeOf(path: string): MediaType {
  const [pathname] = path.split('?', 1);
  return mediaTypes[extname(pathname!).toLowerCase()] ?? unknown;
}

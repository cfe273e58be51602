import type { Price } from './price.js';

export function watchPrices(url: string, show: (price: Price) => void): EventSource {
  const source = new EventSource(`${url}/prices`);
  source.addEventListener('message', ({ data }) => show(JSON.parse(data as string) as Price));
  return source;
}

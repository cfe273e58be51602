import { peerNamed } from '../peers.js';
import type { Result } from './result.js';

const rowHeight = 26;
const left = 250;
const width = 860;
const colors = { ours: '#e0234e', peer: '#7a869a', control: '#c9ced6' };

/** Deliveries a second as bars, on a logarithmic scale, as SVG. */
export function chart({ title, rows }: Result): string {
  const values = rows.map(({ figures }) => Number(figures.deliveries));
  const floor = 10 ** Math.floor(Math.log10(Math.min(...values)));
  const top = Math.max(...values);
  const scale = (value: number) => ((width - left - 90) * Math.log(value / floor)) / Math.log(top / floor);
  const bars = rows.map(({ peer }, index) => {
    const { title: name, transport, role } = peerNamed(peer);
    const y = 40 + index * rowHeight;
    const length = Math.max(1, scale(values[index]!)).toFixed(1);
    return [
      `<text x="${left - 8}" y="${y + 14}" text-anchor="end">${transport}: ${escape(name)}</text>`,
      `<rect x="${left}" y="${y}" width="${length}" height="18" rx="2" fill="${colors[role]}"/>`,
      `<text x="${(left + Number(length) + 6).toFixed(1)}" y="${y + 14}">${Math.round(values[index]!).toLocaleString('en')}</text>`,
    ].join('\n');
  });
  const height = 50 + rows.length * rowHeight;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="13">
<rect width="${width}" height="${height}" fill="white"/>
<text x="12" y="22" font-weight="bold">${escape(title)}: deliveries a second (logarithmic)</text>
${bars.join('\n')}
</svg>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
